# Permits everything, with a duty that nobody has heard of, of a type that nobody has heard of, or
# with none that makes sense.
package bells

decision := {"decision": true, "context": {
	"permitted": input.resource.properties.categories,
	"obligations": obligations[input.context.purpose],
}}

obligations := {
	"improve_relevance": [
		{"id": "remove_ip_link", "type": "custom"},
		{"id": "ring_the_bells", "type": "custom"},
	],
	"provide_products_services": [{"id": "remove_ip_link", "type": "ritual"}],
	"deliver_products": "none",
}
