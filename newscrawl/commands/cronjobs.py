"""A Kubernetes CronJob of `newscrawl run --due`, with the volume its archives are kept on."""

from __future__ import annotations

from newscrawl.commands.timers import STOP_SECONDS, Job, yaml_scalar

CLAIM = "newscrawl-archives"
SECRET = "newscrawl"  # noqa: S105 # its name
USER_ID = 10001
_LEAST_DEADLINE = 60


def cron_job_of(job: Job, *, image: str) -> str:
    """The manifest; the claim and the secret that it names are the cluster's."""
    environment = "".join(
        f"\n                - {{name: {yaml_scalar(name)}, value: {yaml_scalar(value)}}}"
        for name, value in job.environment.items()
    )
    return f"""\
# Needs a PersistentVolumeClaim {CLAIM!r}. Set NEWSCRAWL_STATE_URL to a PostgreSQL database in the secret
# {SECRET!r} when the volume is on a network: SQLite's locks are not safe there.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: newscrawl
spec:
  schedule: {yaml_scalar(job.every.cron_fields(job.seed))}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {max(_LEAST_DEADLINE, job.every.seconds // 2)}
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: {STOP_SECONDS}
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: {USER_ID}
            fsGroup: {USER_ID}
            seccompProfile: {{type: RuntimeDefault}}
          containers:
            - name: newscrawl
              image: {yaml_scalar(image)}
              command: {yaml_scalar(job.command)}
              env:
                - {{name: HOME, value: /tmp}}{environment}
              envFrom:
                - secretRef: {{name: {SECRET}, optional: true}}
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities: {{drop: [ALL]}}
              volumeMounts:
                - {{name: archives, mountPath: {yaml_scalar(job.archives)}}}
                - {{name: tmp, mountPath: /tmp}}
          volumes:
            - name: archives
              persistentVolumeClaim: {{claimName: {CLAIM}}}
            - name: tmp
              emptyDir: {{}}
"""
