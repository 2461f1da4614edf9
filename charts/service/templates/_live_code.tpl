{{/*
skaffold dev only: the code's folder is a volume that can be written to, filled from the image, and a shell starts the process
again on SIGHUP. A container that were started again instead would wait longer each time.
*/}}

{{/* The init container that fills it: (list root image). */}}
{{- define "service.copyCode" -}}
- name: code
  image: {{ index . 1 }}
  command: [cp, -R, /app/., /code]
  securityContext: {{- include "service.containerSecurity" (index . 0) | nindent 4 }}
  resources:
    requests: { cpu: 10m, memory: 16Mi }
    limits: { cpu: "1", memory: 64Mi }
  volumeMounts:
    - { name: code, mountPath: /code }
{{- end -}}

{{/* The command: (list role arguments). Its shell leaves a script behind that sends it the signal. */}}
{{- define "service.restartable" -}}
command:
  - sh
  - -c
  - |
    sh -c 'echo kill -HUP $PPID > /tmp/restart'  # Kubernetes makes one dollar of two
    trap 'ending=yes; kill -TERM $process' TERM INT
    trap 'kill -TERM $process' HUP
    while [ -z "$ending" ]; do
        "$@" & process=$!
        while kill -0 $process 2>/dev/null; do wait $process; done
        [ -n "$ending" ] || sleep 0.5
    done
  - restartable
args: {{- concat (list "python" "-m" (eq (index . 0) "relay" | ternary "infirmary_relay" "services")) (index . 1) | toYaml | nindent 2 }}
{{- end -}}
