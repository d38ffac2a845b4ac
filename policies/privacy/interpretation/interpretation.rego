# METADATA
# title: How the agreement is read
# description: Where a careful owner could take the other meaning, a switch of the data picks one.
package privacy.interpretation

# METADATA
# title: The switches that stand otherwise than by default
switched := {name: switch.value |
	some name, switch in data.privacy.interpretation.switches
	switch.value != switch.default
}
