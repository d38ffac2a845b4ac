{{/* A document of the kustomization, as it stands there. */}}
{{- define "privacy-sidecar.document" -}}
{{- required (printf "the chart lacks %s" .path) (.root.Files.Get .path) -}}
{{- end }}

{{/* What pods get, with the images and the resources that are set. */}}
{{- define "privacy-sidecar.pod" -}}
{{- $pod := include "privacy-sidecar.document" (dict "root" . "path" "files/pod.yaml") | fromYaml }}
{{- range $container := $pod.spec.template.spec.initContainers }}
{{- with index $.Values.images $container.name }}{{ $_ := set $container "image" . }}{{ end }}
{{- with index $.Values.resources $container.name }}{{ $_ := set $container "resources" . }}{{ end }}
{{- end }}
{{- toYaml $pod }}
{{- end }}
