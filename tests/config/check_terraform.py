"""config/terraform: parsed, every rule that it promises checked, and each check shown to find what it is for."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import hcl
import pytest
import terraform

SOURCE = pathlib.Path(os.environ.get("NACRE_SOURCE", ".")).resolve()
HERE = SOURCE / "config" / "terraform"


def files(directory):
    return {path.name: path.read_text() for path in directory.iterdir() if path.suffix in (".tf", ".tftpl")}


ROOT, REGION = files(HERE), files(HERE / "region")


def test_nothing_is_wrong():
    assert terraform.problems(ROOT, REGION) == []
    assert len(REGION) > 8 and len(terraform.Module(REGION).all("resource")) > 30


MUTANTS = [
    ("region/instances.tf", 'http_tokens                 = "required"', 'http_tokens = "optional"', "IMDSv1"),
    ("region/instances.tf", "http_put_response_hop_limit = 1", "http_put_response_hop_limit = 2", "one hop"),
    ("region/instances.tf", "encrypted             = true", "encrypted = false", "encrypted gp3"),
    ("region/instances.tf", '"gp3"', '"gp2"', "encrypted gp3"),
    ("region/instances.tf", "  enclave_options {\n    enabled = true\n  }\n", "", "no enclaves"),
    ("region/security.tf", "var.settings.ssh_cidrs\n}", '["0.0.0.0/0"]\n}', "SSH is not closed"),
    ("region/security.tf", "length(var.settings.ssh_cidrs) > 0 ? 1 : 0", "1", "SSH is not closed"),
    ("region/security.tf", "[3000, 5000]\n", "[3000, 5000]\n}\n\nresource \"aws_security_group_rule\" \"x\" {\n  type = \"ingress\"\n"
     "  protocol = \"tcp\"\n  from_port = 8080\n  to_port = 8080\n  cidr_blocks = [\"0.0.0.0/0\"]\n", "from [\"0.0.0.0/0\"]"),
    ("region/security.tf", "from_port         = 443", "from_port         = 0", "more than HTTPS"),
    ("region/network.tf", 'resource "aws_default_security_group"', 'resource "aws_security_group"', "default security group"),
    ("region/iam.tf", 'resources = ["${aws_s3_bucket.artifacts.arn}/${var.settings.bundle_key}"]', 'resources = ["*"]', "every resource"),
    ("region/iam.tf", '["s3:GetObject"]', '["s3:*"]', "every action"),
    ("region/iam.tf", '    condition {\n      test     = "StringEquals"\n      variable = "kms:ViaService"\n'
     '      values   = ["s3.${local.region}.amazonaws.com"]\n    }\n', "", "decrypts more"),
    ("region/iam.tf", '    condition {\n      test     = "StringEquals"\n      variable = "cloudwatch:namespace"\n'
     "      values   = [local.name]\n    }\n", "", "without a condition"),
    ("region/iam.tf", "AmazonSSMManagedInstanceCore", "AdministratorAccess", "managed policies"),
    ("region/storage.tf", "block_public_policy     = true", "block_public_policy     = false", "something public"),
    ("region/storage.tf", 'effect    = "Deny"', 'effect    = "Allow"', "for everybody"),
    ("region/secrets.tf", '"kms:Encrypt",', '"kms:Encrypt", "kms:Decrypt",', "without an attestation document"),
    ("region/secrets.tf", '"kms:Encrypt",', '"kms:*",', "without an attestation document"),
    ("region/secrets.tf", '"kms:RecipientAttestation:ImageSha384"', '"aws:SourceVpc"', "without an attestation document"),
    ("region/secrets.tf", "[aws_iam_role.instance.arn]", '["*"]', "for others than the instance's role"),
    ("region/watch.tf", "retention_in_days = var.settings.log_days", "retention_in_days = 0", "kept for ever"),
    ("region/watch.tf", "aws_kms_key.this.id #", '"alias/aws/sns" #', "cannot be published"),
    ("region/balancer.tf", "ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08", "plain HTTP"),
    ("region/instances.tf", "aws_subnet.public", "aws_subnet.privat", "aws_subnet.privat.id is declared nowhere"),
    ("region/instances.tf", "var.settings.enclaves * 2 # a", "var.settings.enclave * 2 # a", "no member of settings"),
    ("region/watch.tf", "local.name", "local.nam", "local.nam is declared nowhere"),
    ("region/network.tf", 'data "aws_partition" "here" {}', 'data "aws_partition" "here" {}\n\ndata "aws_partition" "two" {}', "data.aws_partition.two is not used"),
    ("region/variables.tf", 'variable "vpc_cidr"', 'variable "more" {\n  description = "Not used by anyone."\n}\n\nvariable "vpc_cidr"', "var.more is not used"),
    ("region/variables.tf", "    log_days           = number\n", "", "log_days"),
    ("region/user-data.sh.tftpl", "${sha256}", "${sha512}", "sha512 is not given"),
    ("region/cloudwatch-agent.json.tftpl", "${log_group}", "x", "log_group is not used"),
    ("main.tf", "log_days           = var.log_days", "", "var.log_days is not used"),
    ("main.tf", "certificate_arn = var.second_certificate_arn", "certificate = var.second_certificate_arn", "no variable of the module"),
    ("main.tf", "module.first.load_balancer.dns_name", "module.first.balancer.dns_name", "no output balancer"),
    ("variables.tf", '  description = "The first region."\n', "", "no description"),
    ("outputs.tf", "module.first.group", "module.frist.group", "declared nowhere"),
    ("outputs.tf", 'value       = module.first.group\n}', "value       = module.first.group\n", "no end"),
    ("outputs.tf", 'output "group" {', 'output "group" {{', "expected a name"),
    ("outputs.tf", '"The log group in the first region."', '"The log group in the first region.', "string without an end"),
]


@pytest.mark.parametrize("file, old, new, word", MUTANTS)
def test_each_check_finds_what_it_is_for(file, old, new, word):
    root, region = dict(ROOT), dict(REGION)
    where = region if file.startswith("region/") else root
    name = file.removeprefix("region/")
    assert old in where[name], "the mutant no longer fits the file"
    where[name] = where[name].replace(old, new, 1)
    found = terraform.problems(root, region)
    assert any(word in problem for problem in found), found


def test_what_the_architecture_asks_for():
    region = terraform.Module(REGION)
    defaults = {b.labels[0]: b.get("default") for b in terraform.Module(ROOT).all("variable")}
    assert defaults["instance_type"] == '"c6a.xlarge"' and defaults["spot"] == "true" and defaults["log_days"] == "7"
    assert defaults["ssh_cidrs"] == "[]" and defaults["auto_shutdown"] == "false" and defaults["enclaves"] == "1"
    assert (defaults["enclave_cpus"], defaults["enclave_memory_mib"]) == ("2", "6144")
    assert [m.get("vpc_cidr") for m in terraform.Module(ROOT).all("module")] == ['"10.0.0.0/16"', '"10.1.0.0/16"']
    kinds = {b.labels[0] for b in region.all("resource")}
    assert {"aws_vpc", "aws_subnet", "aws_internet_gateway", "aws_autoscaling_group", "aws_launch_template", "aws_lb",
            "aws_lb_listener", "aws_kms_key", "aws_s3_bucket", "aws_cloudwatch_log_group", "aws_cloudwatch_metric_alarm",
            "aws_autoscaling_schedule", "aws_iam_role", "aws_sns_topic"} <= kinds
    assert region.resources("aws_kms_key")[0].get("enable_key_rotation") == "true"


def test_no_instance_is_ended_because_its_enclave_is_not_well():
    """One that waits for its secrets answers 503, and where one has crashed an operator has to look: both take longer than a grace."""
    (group,) = terraform.Module(REGION).resources("aws_autoscaling_group")
    assert group.get("health_check_type") == '"EC2"'


def test_every_variable_stands_in_the_table():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", (HERE / "README.md").read_text(), re.M)
    wanted = []
    for block in terraform.Module(ROOT).all("variable"):
        default = block.get("default")
        wanted.append((block.labels[0], "required" if default is None else f"`{default}`", block.get("description")[1:-1]))
    assert rows == wanted


def render(name, values):
    return re.sub(r"\$\{(\w+)\}", lambda m: values[m.group(1)], REGION[name])


def test_the_first_start_is_a_shell_script_and_the_agents_file_is_json(tmp_path):
    agent = render("cloudwatch-agent.json.tftpl", {"name": "nacre", "log_group": "/nacre"})
    said = json.loads(agent)
    assert said["metrics"]["namespace"] == "nacre"
    [file] = said["logs"]["logs_collected"]["files"]["collect_list"]
    unit = (SOURCE / "config" / "systemd" / "nacre-journal.service").read_text()
    assert f"append:{file['file_path']}" in unit
    script = render("user-data.sh.tftpl", {"agent": agent, "bucket": "b", "key": "bundle.tar.gz", "sha256": "0" * 64,
                                           "region": "us-east-1", "cpus": "2", "memory_mib": "6144",
                                           "options": "--blobs /var/lib/nacre/blobs"})
    (tmp_path / "script").write_text(script)
    subprocess.run(["sh", "-n", tmp_path / "script"], check=True)
    assert len(script) < 16384
    started = [word for line in re.findall(r"systemctl enable (.*)", script) for word in line.split() if word[0] != "-"]
    ours = {path.name for path in (SOURCE / "config" / "systemd").glob("*.service")}
    assert set(started) == ours - {"nacre-enclave-again.service"} | {"nacre-enclave-again.timer", "nitro-enclaves-allocator.service"}


def test_terraform_formats_it_alike():
    if not shutil.which("terraform"):
        pytest.skip("no program 'terraform': its own formatter and parser were not asked")
    done = subprocess.run(["terraform", "fmt", "-check", "-diff", "-recursive", HERE], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_terraform_validates_it(tmp_path):
    if not shutil.which("terraform"):
        pytest.skip("no program 'terraform': it was not asked to validate")
    shutil.copytree(HERE, tmp_path / "t")
    try:
        done = subprocess.run(["terraform", "init", "-backend=false", "-input=false", "-no-color"], cwd=tmp_path / "t",
                              capture_output=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("terraform cannot fetch the AWS provider: not validated against its schema")
    if done.returncode != 0:
        text = (done.stdout + done.stderr).decode()
        assert "provider" in text and "Invalid" not in text and "Unsupported" not in text, text
        pytest.skip("terraform cannot fetch the AWS provider: not validated against its schema")
    done = subprocess.run(["terraform", "validate", "-no-color"], cwd=tmp_path / "t", capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("text, word", [
    ("a = ", "empty"), ("a = [1", "brackets"), ("a { b = 1", "no end"), ("}", "too many"), ("a = 1\na = 2", "twice"),
    ("a = <<E\nx\nE\n", "here-document"), ('a = "x', "string"), ("1 = 2", "a name"), ('a "b" = 1', "expected '='"),
])
def test_the_reader_refuses_what_it_does_not_know(text, word):
    with pytest.raises(hcl.Wrong, match=re.escape(word)):
        hcl.read(text)


def test_the_reader_finds_references():
    text = '"a ${var.x} ${foo(local.y, "in ${aws_vpc.z.id} side")} aws_vpc.no.id" == [data.aws_region.r[count.index].name][0]'
    assert sorted(map(tuple, hcl.references(text))) == [
        ("aws_vpc", "z", "id"), ("count", "index"), ("data", "aws_region", "r", "name"), ("local", "y"), ("var", "x")]


def test_the_costs_add_up():
    rows = re.findall(r"^\| ([^|]+)((?: \| \d+\.\d\d){4}) \|$", (HERE / "README.md").read_text(), re.M)
    table = [(name.strip(), [round(float(v) * 100) for v in values.split(" | ")[1:]]) for name, values in rows]
    assert len(table) > 10 and table[-1][0] == "sum"
    assert [sum(column) for column in zip(*(values for _, values in table[:-1]))] == table[-1][1]
