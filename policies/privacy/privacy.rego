# METADATA
# scope: subpackages
# title: A company's privacy agreement, as rules
# description: The shapes of input and data stand here once, for every package below.
# schemas:
#   - input: schema.input
#   - data.privacy.agreement: schema.agreement
#   - data.privacy.interpretation: schema.interpretation
#   - data.privacy.vocabulary: schema.vocabulary
#   - data.privacy.ways: schema.ways
#   - data.privacy_registers: schema.registers
package privacy
