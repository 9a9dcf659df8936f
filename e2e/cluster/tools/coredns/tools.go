//go:build tools

// Package tools pins coredns for the test node.
package tools

import _ "github.com/coredns/coredns"
