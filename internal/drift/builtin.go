package drift

// everywhere are the ways to write every address there is.
var everywhere = []string{"0.0.0.0/0", "::/0", "*", "Internet", "Any"}

// builtin is what tfops takes for bad without being told, of the providers that
// most use; the first row that fits counts. Who may do what, what is open to
// everybody and what is encrypted are critical, what decorates is low.
var builtin = []builtinRule{
	// What decorates, of whatever it is.
	{attributes: []string{"tags", "tags_all", "labels", "effective_labels", "terraform_labels", "annotations",
		"description", "comment",
		"display_name", "metadata.labels", "metadata.annotations", "topics", "homepage_url"}, severity: Low},

	// Who may do what.
	{types: []string{"aws_iam_*", "aws_*_policy", "aws_*_policy_attachment", "aws_lambda_permission", "aws_kms_grant",
		"aws_ssoadmin_*", "aws_organizations_policy*",
		"azurerm_role_*", "azurerm_*_access_policy", "azurerm_user_assigned_identity", "azurerm_management_lock",
		"azuread_*",
		"google_*_iam_*", "google_service_account*", "google_organization_policy*", "google_org_policy_*",
		"kubernetes_role*", "kubernetes_cluster_role*", "kubernetes_service_account*",
		"vault_policy", "vault_*_role", "vault_*_auth_backend*", "vault_identity_*", "vault_auth_backend",
		"vault_audit",
		"github_team_membership", "github_membership", "github_organization_*", "github_repository_collaborator*",
		"github_team_repository",
		"github_branch_protection*", "github_repository_ruleset", "github_actions_*secret*",
		"github_repository_deploy_key"}, severity: Critical},
	{attributes: []string{"policy", "assume_role_policy", "inline_policy", "policy_document", "iam_instance_profile",
		"access_policy", "bucket_policy"}, severity: Critical},

	// What is open to everybody.
	{types: []string{"aws_security_group*", "aws_vpc_security_group_ingress_rule", "aws_network_acl*",
		"aws_default_security_group",
		"azurerm_network_security_*", "azurerm_*_firewall_rule", "google_compute_firewall*",
		"google_compute_security_policy*"}, values: everywhere, severity: Critical},
	{types: []string{"aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block", "aws_s3_bucket_acl",
		"aws_s3_bucket_ownership_controls",
		"google_storage_*_acl", "google_storage_*_access_control"}, severity: Critical},
	{attributes: []string{"acl", "grant", "publicly_accessible", "associate_public_ip_address",
		"map_public_ip_on_launch", "public_access_prevention",
		"uniform_bucket_level_access", "public_network_access_enabled", "public_network_access",
		"allow_nested_items_to_be_public", "allow_blob_public_access",
		"endpoint_public_access", "public_access_cidrs", "endpoint_config.public_access_cidrs",
		"vpc_config.public_access_cidrs", "vpc_config.endpoint_public_access",
		"authorized_networks", "settings.ip_configuration", "access_config", "network_interface.access_config",
		"container_access_type",
		"master_authorized_networks_config", "network_rules", "ip_restriction", "visibility"}, severity: Critical},

	// What is encrypted, and with what.
	{types: []string{"aws_kms_*", "aws_s3_bucket_server_side_encryption_configuration", "aws_ebs_encryption_by_default",
		"azurerm_key_vault_key", "azurerm_disk_encryption_set",
		"google_kms_*", "vault_transit_*", "vault_mount"}, severity: Critical},
	{attributes: []string{"encrypted", "storage_encrypted", "kms_*", "encryption*", "server_side_encryption*", "sse_*",
		"at_rest_encryption_enabled",
		"transit_encryption*", "disk_encryption*", "customer_managed_key", "infrastructure_encryption_enabled",
		"min_tls_version", "minimum_tls_version",
		"ssl_policy", "https_only", "enable_https_traffic_only", "https_traffic_only_enabled",
		"ssl_enforcement_enabled", "require_ssl", "root_block_device.encrypted",
		"ebs_block_device.encrypted"}, severity: Critical},

	// What guards the network, keeps data, and records who did what.
	{types: []string{"aws_security_group*", "aws_vpc_security_group_*", "aws_network_acl*", "aws_route",
		"aws_route_table*", "aws_wafv2_*",
		"azurerm_network_security_*", "azurerm_*_firewall_*", "azurerm_route*", "google_compute_firewall*",
		"google_compute_route*", "google_compute_security_policy*",
		"kubernetes_network_policy*", "aws_cloudtrail", "aws_config_*", "aws_guardduty_*",
		"azurerm_monitor_diagnostic_setting", "google_logging_*",
		"kubernetes_secret*", "vault_kv_*", "vault_generic_secret", "aws_secretsmanager_*", "azurerm_key_vault*",
		"google_secret_manager_*"}, severity: High},
	{attributes: []string{"deletion_protection*", "enable_deletion_protection", "prevent_destroy",
		"skip_final_snapshot", "backup_retention_period", "versioning*",
		"logging*", "enable_log_file_validation", "security_group_ids", "vpc_security_group_ids", "security_groups",
		"user_data*", "metadata_options",
		"security_context", "spec.security_context", "host_network", "privileged", "password*", "secret*"},
		severity: High},
}
