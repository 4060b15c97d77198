output "artifact_bucket" {
  description = "Where the bundle goes, in the first region."
  value       = module.first.artifact_bucket
}

output "second_artifact_bucket" {
  description = "The same in the second region; null without one."
  value       = one(module.second[*].artifact_bucket)
}

output "load_balancer" {
  description = "The load balancer's name in the first region; null without a certificate."
  value       = try(module.first.load_balancer.dns_name, null)
}

output "group" {
  description = "The autoscaling group in the first region, for `aws autoscaling`."
  value       = module.first.group
}

output "log_group" {
  description = "The log group in the first region."
  value       = module.first.log_group
}

output "secrets_key" {
  description = "ARN of the key for the app's secrets in the first region; null without one."
  value       = module.first.secrets_key
}

output "second_secrets_key" {
  description = "The same in the second region; null without one."
  value       = one(module.second[*].secrets_key)
}
