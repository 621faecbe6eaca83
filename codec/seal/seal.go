// Package seal is an encoding of package codec that encrypts bodies and authenticates them
// (AES-256-GCM), so that the broker, its disks and its operators do not see them. Retries and
// dead letters stay sealed.
//
// A sealed body begins with the id of its key. It is bound to the message's id, type, content
// type and the encodings applied before, so a body that was moved to another message cannot
// be opened. The routing key, the headers and the properties are not encrypted.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/message"
)

// Name is the name of the encoding in the property content-encoding.
const Name = "sealed"

// A sealed body is the version, the length of the key id, the key id, the salt, the nonce, and
// the text encrypted by AES-256-GCM with its tag.
const (
	version   = 1
	saltSize  = 16
	nonceSize = 12
	tagSize   = 16
	overhead  = 2 + saltSize + nonceSize + tagSize // and the key id
)

var errMalformed = errors.New("seal: the body is not a sealed body of version 1")

type encoding struct {
	ring     *Ring
	required bool
}

// Encoding returns the encoding that seals bodies with the first key of ring and opens them
// with any of its keys. A message that is not sealed is refused, since anyone who may publish
// could have sent it.
func Encoding(ring *Ring) codec.Encoding { return encoding{ring, true} }

// Optional returns the encoding of Encoding for consumers that also accept messages that are
// not sealed, while publishers are being changed.
func Optional(ring *Ring) codec.Encoding { return encoding{ring, false} }

func (e encoding) Name() string { return Name }

func (e encoding) Required() bool { return e.required }

func (e encoding) Encode(_ context.Context, m *message.Message) (body []byte, ok bool, err error) {
	key := e.ring.first()
	body = make([]byte, 0, overhead+len(key.ID)+len(m.Body))
	body = append(body, version, byte(len(key.ID)))
	body = append(body, key.ID...)
	random := body[len(body) : len(body)+saltSize+nonceSize]
	if _, err := rand.Read(random); err != nil {
		return nil, false, err
	}
	body = body[:len(body)+len(random)]
	aead, err := cipherOf(key, random[:saltSize])
	if err != nil {
		return nil, false, err
	}
	return aead.Seal(body, random[saltSize:], m.Body, bound(m, key.ID)), true, nil
}

func (e encoding) Decode(_ context.Context, m *message.Message) ([]byte, error) {
	id, rest, err := cut(m.Body)
	if err != nil {
		return nil, err
	}
	key, ok := e.ring.find(id)
	if !ok { // a retry succeeds if the key is added meanwhile, as in a rotation
		return nil, fmt.Errorf("seal: open the body of message %q: key %q is not in the ring: %w", m.ID, id, codec.ErrUnavailable)
	}
	salt, nonce, text := rest[:saltSize], rest[saltSize:saltSize+nonceSize], rest[saltSize+nonceSize:]
	aead, err := cipherOf(key, salt)
	if err != nil {
		return nil, err
	}
	body, err := aead.Open(nil, nonce, text, bound(m, id))
	if err != nil {
		return nil, fmt.Errorf("seal: open the body of message %q: it was changed, belongs to another message, or was sealed with another key %q", m.ID, id)
	}
	return body, nil
}

// cut returns the key id of a sealed body and what follows it: salt, nonce, text and tag.
func cut(body []byte) (id string, rest []byte, err error) {
	if len(body) < overhead+1 || body[0] != version {
		return "", nil, errMalformed
	}
	n := int(body[1])
	if n == 0 || len(body) < overhead+n {
		return "", nil, errMalformed
	}
	if id = string(body[2 : 2+n]); !validID(id) {
		return "", nil, errMalformed
	}
	return id, body[2+n:], nil
}

// cipherOf derives a key for one message, so that the number of messages that may be sealed
// with a key of the ring has no practical limit. With the key itself and random nonces of
// 96 bits, it would be 2^32.
func cipherOf(k Key, salt []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, k.Secret, salt, "warren sealed body 1", keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// bound returns the associated data: what the body is bound to, each text with its length.
func bound(m *message.Message, keyID string) []byte {
	data := []byte{version}
	for _, text := range []string{keyID, m.ID, m.Type, m.ContentType, m.ContentEncoding} {
		data = binary.AppendUvarint(data, uint64(len(text)))
		data = append(data, text...)
	}
	return data
}

// KeyID returns the id of the key with which the body of m is sealed. sealed is false if the
// body is not sealed. The id is empty if the body is sealed and malformed, or compressed or
// stored elsewhere after it was sealed.
func KeyID(m *message.Message) (id string, sealed bool) {
	names := codec.Names(m)
	for i, name := range names {
		if name == Name {
			if i == len(names)-1 {
				id, _, _ = cut(m.Body) // the id of a malformed body is empty
			}
			return id, true
		}
	}
	return "", false
}
