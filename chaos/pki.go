package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// pki issues the certificates of the nodes and of their clients.
type pki struct {
	nodeDir string // where the nodes read theirs
	ca      *x509.Certificate
	key     *ecdsa.PrivateKey
}

func newPKI(nodeDir string) (*pki, error) {
	p := &pki{nodeDir: nodeDir}
	if err := os.MkdirAll(nodeDir, 0o755); err != nil { //nolint:gosec // the node may run as another user
		return nil, err
	}
	return p, p.rotate()
}

// rotate makes a new authority, and issues a new certificate for the nodes.
func (p *pki) rotate() (err error) {
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	authority := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	p.ca = nil
	der, err := p.sign(authority, "chaos authority", &p.key.PublicKey)
	if err != nil {
		return err
	}
	if p.ca, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	return p.issue(p.nodeDir, "localhost", x509.ExtKeyUsageServerAuth)
}

// sign returns the certificate, signed by the authority, or by itself if there is none.
func (p *pki) sign(c *x509.Certificate, name string, key *ecdsa.PublicKey) ([]byte, error) {
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.Subject = pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent := p.ca
	if parent == nil {
		parent = c
	}
	return x509.CreateCertificate(rand.Reader, c, parent, key, p.key)
}

// issue writes the authority's certificate, a new certificate and its key into a folder.
func (p *pki) issue(dir, name string, usage x509.ExtKeyUsage) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	cert, err := p.sign(c, name, &key.PublicKey)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return errors.Join(
		err,
		writePEM(dir, "ca.pem", "CERTIFICATE", p.ca.Raw),
		writePEM(dir, "cert.pem", "CERTIFICATE", cert),
		writePEM(dir, "key.pem", "PRIVATE KEY", private),
	)
}

func writePEM(dir, name, kind string, der []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return os.WriteFile(filepath.Join(dir, name), text, 0o644) //nolint:gosec // the node may run as another user
}
