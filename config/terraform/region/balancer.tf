# HTTPS ends at the load balancer. That is no loss: answers are signed in the enclave, and who has secrets for it seals
# them to its key.

resource "aws_lb" "this" {
  count                      = local.balanced ? 1 : 0
  name                       = "${local.name}-lb"
  load_balancer_type         = "application"
  subnets                    = aws_subnet.public[*].id
  security_groups            = [aws_security_group.balancer[0].id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  idle_timeout               = 60
}

resource "aws_lb_target_group" "this" {
  count                         = local.balanced ? 1 : 0
  name_prefix                   = substr(local.name, 0, 5)
  port                          = 3000
  protocol                      = "HTTP"
  vpc_id                        = aws_vpc.this.id
  deregistration_delay          = 30
  load_balancing_algorithm_type = "least_outstanding_requests"

  # nacre host answers for itself and its enclave: 200 or 503.
  health_check {
    path                = "/health"
    port                = "8080"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "https" {
  count             = local.balanced ? 1 : 0
  load_balancer_arn = aws_lb.this[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[0].arn
  }
}

resource "aws_lb_listener" "http" {
  count             = local.balanced ? 1 : 0
  load_balancer_arn = aws_lb.this[0].arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}
