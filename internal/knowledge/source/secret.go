package source

import "strings"

// isSecret knows the names, in lower case, under which keys and passwords are kept. It rather leaves out a harmless file,
// which the list of skipped ones shows, than puts a password before a model.
func isSecret(low, ext string) bool {
	if low == ".env" || low == ".envrc" || strings.HasPrefix(low, ".env.") || ext == "env" {
		return !isTemplate(low)
	}
	if secretNames[low] || secretExtensions[ext] || strings.HasSuffix(low, ".tfstate.backup") {
		return true
	}
	stem := strings.TrimPrefix(strings.TrimSuffix(low, "."+ext), ".")
	return (ext == "" || secretFormats[ext]) && (secretStems[stem] || strings.HasPrefix(stem, "client_secret_"))
}

// isTemplate knows the files that show which settings there are, with values made up.
func isTemplate(low string) bool {
	for part := range strings.SplitSeq(low, ".") {
		switch part {
		case "example", "sample", "template", "tmpl", "dist", "defaults", "schema":
			return true
		}
	}
	return false
}

// isSecretFolder tells that a folder of this name holds keys and passwords.
func isSecretFolder(name string) bool {
	switch name {
	case ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store":
		return true
	}
	return false
}

var (
	secretNames = set(`.npmrc .yarnrc.yml .pypirc .netrc _netrc .pgpass .my.cnf .htpasswd .git-credentials id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk
		.dockercfg .dockerconfigjson .s3cfg .boto .vault-token .vault_pass .terraformrc .bash_history .zsh_history .python_history .psql_history master.key`)
	secretExtensions = set("pem key p8 p12 pfx pkcs12 jks keystore ppk kdb kdbx asc gpg ovpn keytab agekey tfstate tfvars")
	secretStems      = set("credentials credential secrets secret client_secret client_secrets service-account service_account serviceaccount kubeconfig passwords password passwd")
	// secretFormats are those in which such stems hold secrets: credentials.go is code, and secrets.md prose.
	secretFormats = set("json yaml yml toml ini xml csv txt conf cfg properties")
)
