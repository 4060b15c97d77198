# One or two regions with the same deployment each, and a name in front of both. Everything that belongs to one region
# is in the module; README.md lists variables and costs, docs/OPERATIONS.md says what to do with it.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

provider "aws" {
  alias  = "second"
  region = local.second_region

  default_tags {
    tags = { Project = var.name }
  }
}

locals {
  # A provider needs a region even when nothing is made in it.
  second_region = var.second_region == "" ? var.region : var.second_region

  both = {
    name               = var.name
    enclaves           = var.enclaves
    instance_type      = var.instance_type
    spot               = var.spot
    enclave_cpus       = var.enclave_cpus
    enclave_memory_mib = var.enclave_memory_mib
    enclave_options    = var.enclave_options
    secrets_key        = var.secrets_key
    secrets_images     = var.secrets_images
    bundle_key         = var.bundle_key
    bundle_sha256      = var.bundle_sha256
    client_cidrs       = var.client_cidrs
    ssh_cidrs          = var.ssh_cidrs
    ssh_key_name       = var.ssh_key_name
    session_manager    = var.session_manager
    alarm_email        = var.alarm_email
    log_days           = var.log_days
    auto_shutdown      = var.auto_shutdown
    shutdown_cron      = var.shutdown_cron
    startup_cron       = var.startup_cron
  }
}

module "first" {
  source          = "./region"
  settings        = local.both
  vpc_cidr        = "10.0.0.0/16"
  ami_id          = var.ami_id
  certificate_arn = var.certificate_arn
}

module "second" {
  source          = "./region"
  count           = var.second_region == "" ? 0 : 1
  settings        = local.both
  vpc_cidr        = "10.1.0.0/16"
  ami_id          = "" # an AMI belongs to one region: the newest Amazon Linux here
  certificate_arn = var.second_certificate_arn

  providers = {
    aws = aws.second
  }
}

# The name goes to the regions whose load balancer has a healthy enclave behind it, the nearest one first.
resource "aws_route53_record" "first" {
  count          = var.zone_id == "" || var.certificate_arn == "" ? 0 : 1
  zone_id        = var.zone_id
  name           = var.dns_name
  type           = "A"
  set_identifier = var.region

  latency_routing_policy {
    region = var.region
  }

  alias {
    name                   = module.first.load_balancer.dns_name
    zone_id                = module.first.load_balancer.zone_id
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "second" {
  count          = var.zone_id == "" || var.second_region == "" || var.second_certificate_arn == "" ? 0 : 1
  zone_id        = var.zone_id
  name           = var.dns_name
  type           = "A"
  set_identifier = var.second_region

  latency_routing_policy {
    region = var.second_region
  }

  alias {
    name                   = module.second[0].load_balancer.dns_name
    zone_id                = module.second[0].load_balancer.zone_id
    evaluate_target_health = true
  }
}
