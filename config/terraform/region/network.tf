# Public subnets in two zones: a load balancer needs two, and instances with a public address need no NAT gateway, which
# would cost more than they do. What may come in, the security groups say.

data "aws_region" "here" {}

data "aws_caller_identity" "me" {}

data "aws_partition" "here" {}

data "aws_availability_zones" "open" {
  state = "available"
}

locals {
  name   = var.settings.name
  region = data.aws_region.here.name
  arn    = "arn:${data.aws_partition.here.partition}"
  zones  = slice(data.aws_availability_zones.open.names, 0, 2)
}

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = local.name }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = local.name }
}

resource "aws_subnet" "public" {
  count                   = length(local.zones)
  vpc_id                  = aws_vpc.this.id
  cidr_block              = cidrsubnet(var.vpc_cidr, 8, count.index)
  availability_zone       = local.zones[count.index]
  map_public_ip_on_launch = true

  tags = { Name = "${local.name}-public-${count.index}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }

  tags = { Name = "${local.name}-public" }
}

resource "aws_route_table_association" "public" {
  count          = length(local.zones)
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

# What comes from S3 does not leave AWS's network, and costs no traffic.
resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.this.id
  service_name    = "com.amazonaws.${local.region}.s3"
  route_table_ids = [aws_route_table.public.id]
}

# Nothing uses the default group; without rules nothing can by mistake.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
}
