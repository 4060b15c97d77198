# A key for secrets that come through KMS (docs/SECRETS.md). The account may encrypt under it and look after it; decrypt
# may the parent's role alone, and only with an attestation document of one of the images. Whoever may change this policy
# can let himself in: that is the account's administrators, and CloudTrail tells of it.

data "aws_iam_policy_document" "secrets" {
  statement {
    sid = "Account"
    actions = [
      "kms:CancelKeyDeletion", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:EnableKeyRotation", "kms:Encrypt",
      "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListKeyPolicies", "kms:ListResourceTags", "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription",
    ]
    resources = ["*"] # in a key's own policy this is the key itself

    principals {
      type        = "AWS"
      identifiers = ["${local.arn}:iam::${data.aws_caller_identity.me.account_id}:root"]
    }
  }

  statement {
    sid       = "OnlyTheseImages"
    actions   = ["kms:Decrypt"]
    resources = ["*"] # in a key's own policy this is the key itself

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.instance.arn]
    }

    condition {
      test     = "StringEqualsIgnoreCase"
      variable = "kms:RecipientAttestation:ImageSha384"
      values   = length(var.settings.secrets_images) > 0 ? var.settings.secrets_images : ["none"]
    }
  }
}

resource "aws_kms_key" "secrets" {
  count                   = var.settings.secrets_key ? 1 : 0
  description             = "${local.name}: the app's secrets, for enclaves only"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.secrets.json
}
