{{- define "agent.labels" -}}
app.kubernetes.io/name: signalman-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agent.secret" -}}
{{ .Values.existingSecret | default .Release.Name }}
{{- end }}

{{- define "agent.serviceAccount" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end }}

{{- /* The pod of an agent. Called with a dict: root, restartPolicy, grace, env. */ -}}
{{- define "agent.podSpec" -}}
{{- $root := .root -}}
serviceAccountName: {{ include "agent.serviceAccount" $root }}
restartPolicy: {{ .restartPolicy }}
terminationGracePeriodSeconds: {{ .grace }}
{{- if $root.Values.hostNetwork }}
hostNetwork: true
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile:
    type: RuntimeDefault
{{- with $root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: agent
    image: {{ printf "%s:%v" $root.Values.image.repository $root.Values.image.tag | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: ["/opt/semaphore/agent", "start"]
    env:
      - name: SEMAPHORE_AGENT_ENDPOINT
        value: {{ $root.Values.endpoint | quote }}
      - name: SEMAPHORE_AGENT_TOKEN
        valueFrom:
          secretKeyRef:
            name: {{ include "agent.secret" $root }}
            key: token
      - name: SEMAPHORE_AGENT_KUBERNETES_EXECUTOR
        value: "true"
      - name: SEMAPHORE_AGENT_KUBERNETES_DEFAULT_IMAGE
        value: {{ $root.Values.kubernetes.defaultImage | quote }}
      - name: SEMAPHORE_AGENT_KUBERNETES_POD_START_TIMEOUT
        value: {{ $root.Values.kubernetes.podStartTimeout | quote }}
      {{- with $root.Values.kubernetes.allowedImages }}
      - name: SEMAPHORE_AGENT_KUBERNETES_ALLOWED_IMAGES
        value: {{ join " " . | quote }}
      {{- end }}
      {{- if $root.Values.kubernetes.labels }}
      - name: SEMAPHORE_AGENT_KUBERNETES_LABELS
        value: {{ $labels := list }}{{ range $name, $value := $root.Values.kubernetes.labels }}{{ $labels = append $labels (printf "%s=%v" $name $value) }}{{ end }}{{ join " " $labels | quote }}
      {{- end }}
      {{- if $root.Values.kubernetes.podSpec }}
      - name: SEMAPHORE_AGENT_KUBERNETES_POD_SPEC
        value: {{ $root.Release.Name }}
      {{- end }}
      - name: SEMAPHORE_AGENT_STATE_DIR
        value: /var/lib/signalman
      - name: KUBERNETES_NAMESPACE
        valueFrom:
          fieldRef:
            fieldPath: metadata.namespace
      - name: KUBERNETES_POD_NAME
        valueFrom:
          fieldRef:
            fieldPath: metadata.name
      {{- range .env }}
      - name: {{ .name }}
        value: {{ .value | quote }}
      {{- end }}
      {{- with $root.Values.env }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    resources: {{- toYaml $root.Values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: ["ALL"]
    volumeMounts:
      - name: state
        mountPath: /var/lib/signalman
      - name: tmp
        mountPath: /tmp
volumes:
  - name: state
    emptyDir: {}
  - name: tmp
    emptyDir: {}
{{- end }}
