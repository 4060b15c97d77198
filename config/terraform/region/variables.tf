variable "settings" {
  description = "What both regions have in common; the variables of the same names above describe each."
  type = object({
    name               = string
    enclaves           = number
    instance_type      = string
    spot               = bool
    enclave_cpus       = number
    enclave_memory_mib = number
    enclave_options    = string
    secrets_key        = bool
    secrets_images     = list(string)
    bundle_key         = string
    bundle_sha256      = string
    client_cidrs       = list(string)
    ssh_cidrs          = list(string)
    ssh_key_name       = string
    session_manager    = bool
    alarm_email        = string
    log_days           = number
    auto_shutdown      = bool
    shutdown_cron      = string
    startup_cron       = string
  })
}

variable "vpc_cidr" {
  description = "Addresses of the VPC, a /16; each region has its own, so that they can be joined."
  type        = string
}

variable "ami_id" {
  description = "The parent's image in this region. Empty: the newest Amazon Linux 2023 for x86-64."
  type        = string
}

variable "certificate_arn" {
  description = "ACM certificate in this region. Empty: no load balancer."
  type        = string
}
