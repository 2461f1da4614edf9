{{- /*
RabbitMQ's virtual host, users and rights, loaded at each start.

A service may declare any log of events, the logs of commands from it and to it, and any inbox of the release before (whoever
comes first declares what it needs), and publish to the default exchange. It may read every log of events, the commands to it and
its own inbox. It marks the virtual host as its own by an exchange with an alternate one, which wants all three rights of the names
that begin with <service>.owner. The auditor of gaps may read every log and nothing else. Whatever a service may be called, these
patterns allow (infra.services).
*/}}
{{- define "infra.definitions" -}}
{{- $host := .Values.rabbitmq.virtualHost -}}
{{- $name := `[a-z][a-z0-9]{0,30}` -}}
{{- $part := `(\.[1-9][0-9]?)?` -}}
{{- $events := printf `%s\.events%s` $name $part -}}
vhosts:
  - name: {{ $host }}
    default_queue_type: quorum
users:
  - name: infirmary
    password: {{ include "infra.password" (list . "rabbitmq-administrator" "password") }}
    tags: [administrator]
  {{- if .Values.gapAuditor.enabled }}
  - name: gap-auditor
    password: {{ include "infra.password" (list . "gap-auditor-credentials" "password") }}
    tags: []
  {{- end }}
  {{- range $service, $_ := .Values.services }}
  - name: {{ $service }}
    password: {{ include "infra.password" (list $ (printf "%s-credentials" $service) "brokerPassword") }}
    tags: []
  {{- end }}
permissions:
  - { vhost: {{ $host }}, user: infirmary, configure: ".*", write: ".*", read: ".*" }
  {{- if .Values.gapAuditor.enabled }}
  - { vhost: {{ $host }}, user: gap-auditor, configure: '^$', write: '^$', read: '^({{ $events }}|{{ $name }}\.to\.{{ $name }}{{ $part }})$' }
  {{- end }}
  {{- range $service, $_ := .Values.services }}
  {{- $to := printf `%s\.to\.%s%s` $name $service $part }}
  {{- $from := printf `%s\.to\.%s%s` $service $name $part }}
  - vhost: {{ $host }}
    user: {{ $service }}
    configure: '^({{ $events }}|{{ $to }}|{{ $from }}|{{ $name }}\.inbox|{{ $service }}\.owner)$'
    write: '^(amq\.default|{{ $service }}\.owner\..+)$'
    read: '^({{ $events }}|{{ $to }}|{{ $service }}\.(inbox|owner))$'
  {{- end }}
{{- end -}}
