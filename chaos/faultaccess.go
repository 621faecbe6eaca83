package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// cutOff closes all connections of the clients, which then meet what has changed.
func (s *stage) cutOff(ctx context.Context) error {
	return s.nodes.ctlAll(ctx, []string{"close_all_connections", "--vhost", s.vhost, "chaos"})
}

// rotateCredentials changes the password, which the workers learn 10 s later.
func rotateCredentials(ctx context.Context, s *stage) error {
	err := s.repeat(ctx, func(i int) error {
		password := fmt.Sprintf("secret-%d-%d", i, s.random.Int32())
		s.sayf("change the password")
		if err := errors.Join(s.nodes.ctlAll(ctx, []string{"change_password", user, password}), s.cutOff(ctx)); err != nil {
			return err
		}
		s.pause(ctx, 10*time.Second)
		err := s.setPassword(password)
		s.gone = time.Now()
		s.pause(ctx, 30*time.Second)
		return err
	})
	return errors.Join(err, s.nodes.ctlAll(ctx, []string{"change_password", user, user}), s.setPassword(user))
}

// overTLS gives the workers and the publisher amqps URLs and certificates.
func overTLS(ctx context.Context, s *stage) error {
	out, err := s.nodes.script(ctx, "tlsurl", s.nodes.folder(0))
	if err != nil {
		return err
	}
	u, err := url.Parse(strings.TrimSpace(out))
	if err != nil {
		return err
	}
	u.User, u.Path = url.UserPassword(user, user), "/"+s.vhost
	return errors.Join(writeURLs(s.dir, []string{u.String()}), s.nodes.pki.issue(s.dir, user, x509.ExtKeyUsageClientAuth))
}

// rotateCertificates replaces the authority and the certificate of the node. The workers get
// theirs 10 s later.
func rotateCertificates(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		s.sayf("rotate the certificates")
		err := errors.Join(s.nodes.pki.rotate(), s.nodes.ctlAll(ctx, []string{"eval", "ssl:clear_pem_cache()."}), s.cutOff(ctx))
		if err != nil {
			return err
		}
		s.pause(ctx, 10*time.Second)
		err = s.nodes.pki.issue(s.dir, user, x509.ExtKeyUsageClientAuth)
		s.gone = time.Now()
		s.pause(ctx, 30*time.Second)
		return err
	})
}

// revokePermission revokes the permissions of the workers' user for 20 s.
func revokePermission(ctx context.Context, s *stage) error {
	set := func(pattern string) error {
		return s.nodes.ctlAll(ctx, []string{"set_permissions", "-p", s.vhost, user, pattern, pattern, pattern})
	}
	return s.repeat(ctx, func(int) error {
		s.sayf("revoke the permissions")
		if err := errors.Join(set("^$"), s.cutOff(ctx)); err != nil {
			return err
		}
		s.pause(ctx, 20*time.Second)
		err := set(".*")
		s.gone = time.Now()
		s.pause(ctx, 30*time.Second)
		return err
	})
}

// deleteVhost deletes the virtual host with its messages, and makes it again 20 s later.
func deleteVhost(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		s.sayf("delete the virtual host")
		if err := s.nodes.ctlAll(ctx, []string{"delete_vhost", s.vhost}); err != nil {
			return err
		}
		s.deleted = time.Now()
		s.pause(ctx, 20*time.Second)
		err := s.nodes.addVhost(ctx, s.vhost)
		s.gone = time.Now()
		s.pause(ctx, 30*time.Second)
		return err
	})
}
