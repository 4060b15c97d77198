output "artifact_bucket" {
  description = "Where the bundle goes."
  value       = aws_s3_bucket.artifacts.id
}

output "load_balancer" {
  description = "The load balancer, or null."
  value       = local.balanced ? aws_lb.this[0] : null
}

output "group" {
  description = "The autoscaling group."
  value       = aws_autoscaling_group.this.name
}

output "log_group" {
  description = "The log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "secrets_key" {
  description = "The key for the app's secrets, or null."
  value       = one(aws_kms_key.secrets[*].arn)
}
