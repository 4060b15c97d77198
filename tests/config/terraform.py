"""What must hold for config/terraform: every problem as one line of text."""

import re

import hcl

SELF = {"count", "each", "path", "self", "terraform"}


class Module:
    """One directory: {file: text} parsed into one body."""

    def __init__(self, files):
        self.files = files
        self.root = hcl.Block("", [], 1)
        for name, text in sorted(files.items()):
            if name.endswith(".tf"):
                self.root.blocks += hcl.read(text, name).blocks

    def all(self, kind):
        return [block for block in self.root.blocks if block.kind == kind]

    def resources(self, kind):
        return [block for block in self.all("resource") if block.labels[0] == kind]

    def names(self, kind):
        return [block.labels[-1] for block in self.all(kind)]

    def locals(self):
        return {name: a for block in self.all("locals") for name, a in block.attributes.items()}

    def uses(self):
        """(where, reference) of every expression but those of `variable` blocks' types."""
        for top in self.root.blocks:
            for block in top.walk():
                for name, attribute in block.attributes.items():
                    if top.kind == "variable" and name in ("type", "description"):
                        continue
                    for reference in hcl.references(attribute.text):
                        yield f"{top.address}:{attribute.line}", reference

    def fields(self):
        """The members of var.settings, where there is one."""
        for block in self.all("variable"):
            if block.labels == ["settings"]:
                inner = re.fullmatch(r"object\((.*)\)", block.get("type"), re.S).group(1)
                return set(hcl.members(inner))
        return set()


def resolve(module):
    """Every reference has something it refers to, and everything declared is referred to."""
    known = {"var": set(module.names("variable")), "local": set(module.locals()), "module": set(module.names("module"))}
    things = {tuple(b.labels) for b in module.all("resource")}
    data = {tuple(b.labels) for b in module.all("data")}
    fields, used, problems = module.fields(), set(), []
    for where, reference in module.uses():
        first = reference[0]
        if first in SELF:
            continue
        if first in known:
            used.add((first, reference[1]))
            if reference[1] not in known[first]:
                problems.append(f"{where}: {'.'.join(reference)} is declared nowhere")
            if reference[:2] == ["var", "settings"] and len(reference) > 2:
                used.add(("settings", reference[2]))
                if reference[2] not in fields:
                    problems.append(f"{where}: {'.'.join(reference)} is no member of settings")
        elif first == "data":
            used.add(tuple(reference[:3]))
            if tuple(reference[1:3]) not in data:
                problems.append(f"{where}: {'.'.join(reference)} is declared nowhere")
        elif first.startswith("aws_") and tuple(reference[:2]) not in things:
            problems.append(f"{where}: {'.'.join(reference)} is declared nowhere")
    wanted = [("var", n) for n in known["var"]] + [("local", n) for n in known["local"]] + [("settings", n) for n in fields]
    wanted += [("data", *labels) for labels in data]
    problems += [f"{'.'.join(name)} is not used" for name in wanted if name not in used]
    names = [b.address for b in module.root.blocks if b.kind in ("resource", "data", "variable", "output", "module")]
    problems += [f"{name} is declared twice" for name in sorted(set(names)) if names.count(name) > 1]
    return problems


def described(module):
    return [f"{block.address} has no description" for kind in ("variable", "output") for block in module.all(kind)
            if len(block.get("description", '""')) < 10]


def calls(root, region):
    """The modules' arguments are the region's variables, all of them, and their outputs exist."""
    problems, wanted = [], set(region.names("variable"))
    for block in root.all("module"):
        given = set(block.attributes) - {"source", "count", "providers"}
        problems += [f"{block.address}: {name} is {'missing' if name in wanted else 'no variable of the module'}"
                     for name in given ^ wanted]
        if block.get("settings") != "local.both":
            problems.append(f"{block.address}: settings is not local.both")
    both = set(hcl.members(root.locals()["both"].text))
    problems += [f"local.both and settings differ in {name}" for name in both ^ region.fields()]
    outputs = set(region.names("output"))
    for where, reference in root.uses():
        if reference[0] == "module" and len(reference) > 2 and reference[2] not in outputs:
            problems.append(f"{where}: the module has no output {reference[2]}")
    return problems


def templates(module):
    """templatefile() passes what its template uses, neither more nor less."""
    problems = []
    for _, attribute in module.locals().items():
        found = re.fullmatch(r'templatefile\("\$\{path.module\}/([^"]+)", (\{.*\})\)', attribute.text, re.S)
        if found:
            given = set(hcl.members(found.group(2)))
            used = set(re.findall(r"\$\{(\w+)\}", module.files[found.group(1)]))
            problems += [f"{found.group(1)}: {name} is {'not given' if name in used else 'not used'}" for name in given ^ used]
    return problems


def instances(module):
    problems = []
    for template in module.resources("aws_launch_template"):
        options = {name: value.text for block in template.blocks for name, value in block.attributes.items()
                   if block.kind == "metadata_options"}
        if options.get("http_tokens") != '"required"':
            problems.append(f"{template.address}: IMDSv1 is possible")
        if options.get("http_put_response_hop_limit") != "1":
            problems.append(f"{template.address}: instance metadata reaches further than one hop")
        disks = [ebs for block in template.inner("block_device_mappings") for ebs in block.inner("ebs")]
        if not disks or any((d.get("encrypted"), d.get("volume_type"), d.get("volume_size")) != ("true", '"gp3"', "30")
                            for d in disks):
            problems.append(f"{template.address}: the disk is not an encrypted gp3 of 30 GB")
        if [e.get("enabled") for e in template.inner("enclave_options")] != ["true"]:
            problems.append(f"{template.address}: no enclaves")
    if len(module.resources("aws_launch_template")) != 1 or module.resources("aws_instance"):
        problems.append("instances come from one launch template only")
    return problems


def network(module):
    """What may come in: clients to the API and HTTPS; SSH from ssh_cidrs alone; the rest from the other group."""
    problems = []
    for group in module.resources("aws_security_group"):
        if group.inner("ingress") or group.inner("egress"):
            problems.append(f"{group.address}: rules inside the group")
    for rule in module.resources("aws_security_group_rule"):
        source, port = rule.get("cidr_blocks"), rule.get("from_port")
        if rule.get("type") == '"egress"':
            if source == '["0.0.0.0/0"]' and (port, rule.get("to_port")) != ("443", "443"):
                problems.append(f"{rule.address}: outward by more than HTTPS")
            continue
        if port != rule.get("to_port") or rule.get("protocol") != '"tcp"':
            problems.append(f"{rule.address}: a range of ports")
        if source is None:
            if rule.get("source_security_group_id") is None:
                problems.append(f"{rule.address}: from anywhere")
        elif port == "22":
            if source != "var.settings.ssh_cidrs" or rule.get("count") != "length(var.settings.ssh_cidrs) > 0 ? 1 : 0":
                problems.append(f"{rule.address}: SSH is not closed by default")
        elif source != "var.settings.client_cidrs":
            problems.append(f"{rule.address}: from {source}")
        elif "22" in re.findall(r"\d+", port):
            problems.append(f"{rule.address}: SSH for clients")
    if not module.resources("aws_default_security_group"):
        problems.append("the default security group is open")
    return problems


# Statements that must name every resource, and what bounds them instead.
STARS = {("key", "Account"), ("key", "Logs"), ("key", "Alarms"), ("instance", "Metrics"), ("secrets", "Account"),
         ("secrets", "OnlyTheseImages")}
ATTESTED = "kms:RecipientAttestation:"


def kept_for_enclaves(document, statement, actions):
    """The key for secrets: whoever decrypts has an attestation document, and is the instance's role."""
    problems = []
    opens = [a for a in actions if "*" in a or a.startswith(("kms:Decrypt", "kms:ReEncrypt", "kms:GenerateDataKey", "kms:CreateGrant"))]
    conditions = [c.get("variable", "").strip('"') for c in statement.inner("condition")]
    if opens and not any(c.startswith(ATTESTED) for c in conditions):
        problems.append(f"{document.address}: {opens} without an attestation document")
    if opens and [p.get("identifiers") for p in statement.inner("principals")] != ["[aws_iam_role.instance.arn]"]:
        problems.append(f"{document.address}: {opens} for others than the instance's role")
    return problems


def rights(module):
    problems = []
    for document in module.all("data"):
        if document.labels[0] != "aws_iam_policy_document":
            continue
        for statement in document.inner("statement"):
            sid = (document.labels[1], (statement.get("sid") or '""').strip('"'))
            denies = statement.get("effect") == '"Deny"'
            actions, resources = statement.get("actions"), statement.get("resources", "[]")
            if "*" in hcl.items(actions)[0].split(":")[-1:] and sid[0] != "key" and not denies:
                problems.append(f"{document.address} {sid[1]}: every action")
            if any(item == "*" for item in hcl.items(resources)) and sid not in STARS:
                problems.append(f"{document.address} {sid[1]}: every resource")
            if sid in STARS - {("key", "Account"), ("secrets", "Account")} and not statement.inner("condition"):
                problems.append(f"{document.address} {sid[1]}: every resource, without a condition")
            if "kms:Decrypt" in hcl.items(actions) and sid[0] == "instance" and not statement.inner("condition"):
                problems.append(f"{document.address} {sid[1]}: decrypts more than the bundle")
            if sid[0] == "secrets":
                problems += kept_for_enclaves(document, statement, hcl.items(actions))
            if not denies and any(p.get("identifiers") == '["*"]' for p in statement.inner("principals")):
                problems.append(f"{document.address} {sid[1]}: for everybody")
    managed = [r.get("policy_arn") for r in module.resources("aws_iam_role_policy_attachment")]
    if managed != ['"${local.arn}:iam::aws:policy/AmazonSSMManagedInstanceCore"']:
        problems.append(f"managed policies: {managed}")
    return problems


def stored(module):
    problems = []
    for bucket in module.resources("aws_s3_bucket"):
        name = f"aws_s3_bucket.{bucket.labels[1]}.id"
        for kind in ("public_access_block", "versioning", "server_side_encryption_configuration", "policy"):
            if name not in [r.get("bucket") for r in module.resources(f"aws_s3_bucket_{kind}")]:
                problems.append(f"{bucket.address}: no {kind}")
    for block in module.resources("aws_s3_bucket_public_access_block"):
        if [a.text for n, a in block.attributes.items() if n != "bucket"] != ["true"] * 4:
            problems.append(f"{block.address}: something public")
    for group in module.resources("aws_cloudwatch_log_group"):
        if group.get("retention_in_days") != "var.settings.log_days" or not group.get("kms_key_id"):
            problems.append(f"{group.address}: kept for ever, or in the clear")
    for topic in module.resources("aws_sns_topic"):
        if topic.get("kms_master_key_id") != "aws_kms_key.this.id":
            problems.append(f"{topic.address}: alarms cannot be published under that key")
    for listener in module.resources("aws_lb_listener"):
        secure = listener.get("protocol") == '"HTTPS"' and "TLS13" in listener.get("ssl_policy", "")
        redirect = any(b.kind == "redirect" and b.get("protocol") == '"HTTPS"' for b in listener.walk())
        if not secure and not redirect:
            problems.append(f"{listener.address}: plain HTTP")
    return problems


def problems(root_files, region_files):
    try:
        root, region = Module(root_files), Module(region_files)
    except hcl.Wrong as why:
        return [str(why)]
    found = calls(root, region)
    for module in (root, region):
        found += resolve(module) + described(module) + templates(module)
    return found + instances(region) + network(region) + rights(region) + stored(region)
