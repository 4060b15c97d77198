variable "name" {
  description = "Prefix of every name and the value of the tag `Project`."
  type        = string
  default     = "nacre"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "Lower-case letters, digits and hyphens, 2 to 20 of them: load balancers take no more."
  }
}

variable "region" {
  description = "The first region."
  type        = string
  default     = "us-east-1"
}

variable "second_region" {
  description = "A second region with the same deployment, for when the first one is lost. Empty: none."
  type        = string
  default     = ""
}

variable "enclaves" {
  description = "Instances in each region, with one enclave each. 1 for an app whose contract knows one canonical enclave."
  type        = number
  default     = 1

  validation {
    condition     = var.enclaves >= 0 && var.enclaves <= 100
    error_message = "From 0 to 100."
  }
}

variable "instance_type" {
  description = "A type that can run enclaves: Nitro, 4 vCPUs or more (x86-64)."
  type        = string
  default     = "c6a.xlarge"
}

variable "spot" {
  description = "Spot instances, about a third of the price, taken away with two minutes' notice. false: on demand."
  type        = bool
  default     = true
}

variable "ami_id" {
  description = "The parent's image. Empty: the newest Amazon Linux 2023 for x86-64."
  type        = string
  default     = ""
}

variable "enclave_cpus" {
  description = "vCPUs for the enclave, a multiple of 2; the parent keeps the rest, at least 2."
  type        = number
  default     = 2
}

variable "enclave_memory_mib" {
  description = "Memory for the enclave in MiB; the parent keeps the rest."
  type        = number
  default     = 6144
}

variable "enclave_options" {
  description = "More options of `nacre host up`, such as `--blobs /var/lib/nacre/blobs` for an app with sealed secrets."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[A-Za-z0-9 /._=:-]*$", var.enclave_options))
    error_message = "Words, paths and numbers only: it becomes a line of a file."
  }
}

variable "secrets_key" {
  description = "Make a KMS key in each region for secrets that come with nobody present (SECRETS.md)."
  type        = bool
  default     = false
}

variable "secrets_images" {
  description = "PCR0 of the images that may have those secrets; the old and the new one while rolling. Empty: nobody decrypts."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for pcr in var.secrets_images : can(regex("^[0-9a-f]{96}$", pcr)) && can(regex("[^0]", pcr))])
    error_message = "96 lower-case hex digits each, as `nacre eif measure` prints PCR0; zeros are any image in debug mode."
  }
}

variable "bundle_key" {
  description = "Key of the bundle in the artifact bucket: a tar.gz that is unpacked at `/` (see OPERATIONS.md)."
  type        = string
  default     = "bundle.tar.gz"
}

variable "bundle_sha256" {
  description = "SHA-256 of the bundle, in hex. The instance unpacks nothing else. It is not the enclave's measurement."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.bundle_sha256))
    error_message = "64 lower-case hex digits, as sha256sum prints them."
  }
}

variable "client_cidrs" {
  description = "Who may call the API."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "ssh_cidrs" {
  description = "Who may come by SSH. Nobody by default: use Session Manager."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.ssh_cidrs, "0.0.0.0/0") && !contains(var.ssh_cidrs, "::/0")
    error_message = "Not the whole Internet."
  }
}

variable "ssh_key_name" {
  description = "Name of an EC2 key pair for SSH. Empty: none."
  type        = string
  default     = ""
}

variable "session_manager" {
  description = "Allow AWS Session Manager, a shell without an open port."
  type        = bool
  default     = true
}

variable "certificate_arn" {
  description = "ACM certificate for HTTPS in the first region. With it there is a load balancer. Empty: clients reach the instances on 3000 and 5000."
  type        = string
  default     = ""
}

variable "second_certificate_arn" {
  description = "The same in the second region."
  type        = string
  default     = ""
}

variable "zone_id" {
  description = "Route 53 zone for a name that follows the healthy regions. Needs the certificates. Empty: none."
  type        = string
  default     = ""
}

variable "dns_name" {
  description = "The name in that zone, such as api.example.com."
  type        = string
  default     = ""
}

variable "alarm_email" {
  description = "Who gets the alarms. Empty: nobody, they only show in CloudWatch."
  type        = string
  default     = ""
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 7
}

variable "auto_shutdown" {
  description = "Stop all instances at shutdown_cron, for deployments that nobody needs at night. The enclaves' keys go with them."
  type        = bool
  default     = false
}

variable "shutdown_cron" {
  description = "When to stop, in UTC."
  type        = string
  default     = "0 20 * * *"
}

variable "startup_cron" {
  description = "When to start again, in UTC. Empty: by hand."
  type        = string
  default     = ""
}
