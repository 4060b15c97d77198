# With a load balancer only it reaches the instances. Without one, clients reach 3000 and 5000. 8080 (health, metrics)
# is for the load balancer alone, SSH for nobody unless ssh_cidrs says so.

locals {
  balanced = var.certificate_arn != ""
  direct   = local.balanced ? [] : [3000, 5000]
}

resource "aws_security_group" "instance" {
  name_prefix = "${local.name}-instance-"
  description = "The parents of the enclaves"
  vpc_id      = aws_vpc.this.id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group_rule" "clients" {
  count             = length(local.direct)
  type              = "ingress"
  description       = "The API, straight"
  security_group_id = aws_security_group.instance.id
  protocol          = "tcp"
  from_port         = local.direct[count.index]
  to_port           = local.direct[count.index]
  cidr_blocks       = var.settings.client_cidrs
}

resource "aws_security_group_rule" "ssh" {
  count             = length(var.settings.ssh_cidrs) > 0 ? 1 : 0
  type              = "ingress"
  description       = "SSH"
  security_group_id = aws_security_group.instance.id
  protocol          = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_blocks       = var.settings.ssh_cidrs
}

resource "aws_security_group_rule" "from_balancer" {
  count                    = local.balanced ? 2 : 0
  type                     = "ingress"
  description              = "API and health, from the load balancer"
  security_group_id        = aws_security_group.instance.id
  protocol                 = "tcp"
  from_port                = [3000, 8080][count.index]
  to_port                  = [3000, 8080][count.index]
  source_security_group_id = aws_security_group.balancer[0].id
}

# HTTPS to the hosts of the allow list, to AWS and to the packages. DNS and time are AWS's own and pass no group. An
# allow list with another port needs one more rule.
resource "aws_security_group_rule" "outward" {
  type              = "egress"
  description       = "HTTPS outward"
  security_group_id = aws_security_group.instance.id
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_blocks       = ["0.0.0.0/0"]
}

resource "aws_security_group" "balancer" {
  count       = local.balanced ? 1 : 0
  name_prefix = "${local.name}-balancer-"
  description = "The load balancer"
  vpc_id      = aws_vpc.this.id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group_rule" "https" {
  count             = local.balanced ? 2 : 0
  type              = "ingress"
  description       = "HTTPS, and HTTP to be sent there"
  security_group_id = aws_security_group.balancer[0].id
  protocol          = "tcp"
  from_port         = [443, 80][count.index]
  to_port           = [443, 80][count.index]
  cidr_blocks       = var.settings.client_cidrs
}

resource "aws_security_group_rule" "to_instances" {
  count                    = local.balanced ? 2 : 0
  type                     = "egress"
  description              = "API and health of the instances"
  security_group_id        = aws_security_group.balancer[0].id
  protocol                 = "tcp"
  from_port                = [3000, 8080][count.index]
  to_port                  = [3000, 8080][count.index]
  source_security_group_id = aws_security_group.instance.id
}
