{{- /*
RabbitMQ's virtual host, users and rights, loaded at each start.

A service may declare any log or inbox (whoever comes first declares what it needs), publish to the default exchange, and read
every log but no inbox other than its own.
*/}}
{{- define "infra.definitions" -}}
{{- $host := .Values.rabbitmq.virtualHost -}}
vhosts:
  - name: {{ $host }}
    default_queue_type: quorum
users:
  - name: infirmary
    password: {{ include "infra.password" (list . "rabbitmq-administrator" "password") }}
    tags: [administrator]
  {{- range $service, $_ := .Values.services }}
  - name: {{ $service }}
    password: {{ include "infra.password" (list $ (printf "%s-credentials" $service) "brokerPassword") }}
    tags: []
  {{- end }}
permissions:
  - { vhost: {{ $host }}, user: infirmary, configure: ".*", write: ".*", read: ".*" }
  {{- range $service, $_ := .Values.services }}
  - vhost: {{ $host }}
    user: {{ $service }}
    configure: '^[a-z]+\.(events(\.[1-9][0-9]?)?|inbox)$'
    write: '^amq\.default$'
    read: '^([a-z]+\.events(\.[1-9][0-9]?)?|{{ $service }}\.inbox)$'
  {{- end }}
{{- end -}}
