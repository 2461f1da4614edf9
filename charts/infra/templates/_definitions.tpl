{{- /*
RabbitMQ's virtual host, users and rights, loaded at each start.

A service may declare its own logs and write to them, and to nobody else's; it reads the logs that the values say it reads, and what it has
said itself. By AMQP 0-9-1 it writes its logs through an exchange of its own, <service>.logs, to which the broker lets it bind no others;
nobody may write to the default exchange, through which every log can be reached. A service of which the values do not say what it reads
may read everybody's events and what is written to it alone. It marks the virtual host as its own by an exchange with an alternate one, which wants all three
rights of the names that begin with <service>.owner. <service>.inbox is the queue in which a release before got its commands. The auditor
of gaps may read every log and nothing else. Whatever a service may be called, these patterns allow (infra.services).
*/}}
{{- define "infra.definitions" -}}
{{- $broker := .Values.rabbitmq -}}
{{- $host := $broker.virtualHost -}}
{{- $any := `[a-z][a-z0-9]{0,30}` -}}
{{- $part := `(\.[1-9][0-9]?)?` -}}
{{- $log := printf `(events|to\.%s)%s` $any $part -}}
vhosts:
  - name: {{ $host }}
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
    limits: { max-connections: {{ $broker.connectionsPerService }}, max-channels: {{ $broker.channelsPerService }} }
  {{- end }}
parameters:
  - vhost: {{ $host }}
    component: vhost-limits
    name: limits
    value: { max-queues: {{ $broker.mostQueues }} }
permissions:
  - { vhost: {{ $host }}, user: infirmary, configure: ".*", write: ".*", read: ".*" }
  {{- if .Values.gapAuditor.enabled }}
  - { vhost: {{ $host }}, user: gap-auditor, configure: '^$', write: '^$', read: '^{{ $any }}\.{{ $log }}$' }
  {{- end }}
  {{- range $service, $has := .Values.services }}
  {{- $own := printf `%s\.(%s|owner|inbox|logs)` $service $log }}
  {{- $others := list (printf `%s\.(events|to\.%s)` $any $service) }}
  {{- if hasKey $has "reads" }}
  {{- $others = list }}
  {{- range $has.reads }}
  {{- $others = append $others (contains ".to." . | ternary . (printf "%s.events" .) | replace "." `\.`) }}
  {{- end }}
  {{- end }}
  - vhost: {{ $host }}
    user: {{ $service }}
    configure: '^{{ $own }}$'
    write: '^{{ $service }}\.({{ $log }}|owner\..+|logs)$'
    read: '^({{ with $others }}({{ join "|" . }}){{ $part }}|{{ end }}{{ $own }})$'
  {{- end }}
{{- end -}}
