# The autoscaling group: `enclaves` instances, each the parent of one enclave.

# Amazon Linux has the driver for enclaves and nitro-cli; Debian's kernels are built without that driver.
data "aws_ssm_parameter" "ami" {
  count = var.ami_id == "" ? 1 : 0
  name  = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

locals {
  ami = var.ami_id == "" ? nonsensitive(data.aws_ssm_parameter.ami[0].value) : var.ami_id

  agent = templatefile("${path.module}/cloudwatch-agent.json.tftpl", {
    name      = local.name
    log_group = aws_cloudwatch_log_group.this.name
  })

  user_data = templatefile("${path.module}/user-data.sh.tftpl", {
    agent      = local.agent
    bucket     = aws_s3_bucket.artifacts.id
    key        = var.settings.bundle_key
    sha256     = var.settings.bundle_sha256
    region     = local.region
    cpus       = var.settings.enclave_cpus
    memory_mib = var.settings.enclave_memory_mib
    options    = var.settings.enclave_options
  })
}

resource "aws_launch_template" "this" {
  name_prefix            = "${local.name}-"
  image_id               = local.ami
  key_name               = var.settings.ssh_key_name == "" ? null : var.settings.ssh_key_name
  user_data              = base64encode(local.user_data)
  update_default_version = true

  enclave_options {
    enabled = true
  }

  # IMDSv2 only, and one hop: nothing that is proxied gets at the instance's credentials.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  iam_instance_profile {
    arn = aws_iam_instance_profile.instance.arn
  }

  network_interfaces {
    associate_public_ip_address = true
    delete_on_termination       = true
    security_groups             = [aws_security_group.instance.id]
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 30
      encrypted             = true
      delete_on_termination = true
    }
  }

  monitoring {
    enabled = true
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = local.name, Project = local.name }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = { Name = local.name, Project = local.name }
  }
}

resource "aws_autoscaling_group" "this" {
  name_prefix         = "${local.name}-"
  min_size            = 0
  max_size            = var.settings.enclaves * 2 # a roll starts the new ones first
  desired_capacity    = var.settings.enclaves
  vpc_zone_identifier = aws_subnet.public[*].id
  target_group_arns   = aws_lb_target_group.this[*].arn
  capacity_rebalance  = var.settings.spot
  enabled_metrics     = ["GroupInServiceInstances"]

  # Not "ELB": that would end every instance that waits for its secrets longer than a grace, and one whose enclave has
  # crashed before anybody has looked at it. The load balancer sends nobody there, and the alarm calls somebody.
  health_check_type = "EC2"

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = 0
      on_demand_percentage_above_base_capacity = var.settings.spot ? 0 : 100
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.this.id
        version            = aws_launch_template.this.latest_version
      }

      override {
        instance_type = var.settings.instance_type
      }
    }
  }

  # Every new instance is a new key that must be registered first: by hand, see OPERATIONS.md. No instance_refresh.
  lifecycle {
    ignore_changes = [desired_capacity]
  }
}

resource "aws_autoscaling_schedule" "stop" {
  count                  = var.settings.auto_shutdown ? 1 : 0
  scheduled_action_name  = "${local.name}-stop"
  autoscaling_group_name = aws_autoscaling_group.this.name
  recurrence             = var.settings.shutdown_cron
  min_size               = 0
  max_size               = var.settings.enclaves * 2
  desired_capacity       = 0
}

resource "aws_autoscaling_schedule" "start" {
  count                  = var.settings.auto_shutdown && var.settings.startup_cron != "" ? 1 : 0
  scheduled_action_name  = "${local.name}-start"
  autoscaling_group_name = aws_autoscaling_group.this.name
  recurrence             = var.settings.startup_cron
  min_size               = 0
  max_size               = var.settings.enclaves * 2
  desired_capacity       = var.settings.enclaves
}
