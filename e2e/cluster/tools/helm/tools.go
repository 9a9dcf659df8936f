//go:build tools

// Package tools pins helm for the test node.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
