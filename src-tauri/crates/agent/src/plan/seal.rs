//! How the pieces of a plan are sealed: under a key made for this plan alone,
//! each with a nonce that tells its place and whether it is the last, so that
//! no piece can be exchanged, left out or cut off unnoticed.

use restic::{Key, NONCE_LEN, Nonce, OVERHEAD, compress, decompress};

use super::PlanError;
use super::wire::{Reader, Writer};

/// The longest text of one piece, in bytes.
const MAX_TEXT: u64 = 64 << 20;

/// A piece before it is sealed.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// What compresses.
    pub(super) text: Writer,
    /// Hashes, which do not.
    pub(super) noise: Vec<u8>,
}

fn nonce(place: u32, is_last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..4].copy_from_slice(b"plan");
    nonce[11] = u8::from(is_last);
    nonce[12..].copy_from_slice(&place.to_be_bytes());
    nonce
}

impl Piece {
    pub(super) fn seal(
        &self,
        key: &Key,
        place: u32,
        is_last: bool,
    ) -> Result<Vec<u8>, restic::Error> {
        let small = compress(&self.text.0)?;
        let mut plain = Writer(Vec::with_capacity(small.len() + self.noise.len() + 16));
        plain.number(self.text.0.len() as u64);
        plain.bytes(&small);
        plain.0.extend_from_slice(&self.noise);
        Ok(key.seal(&nonce(place, is_last), &plain.0))
    }

    pub(super) fn open(
        key: &Key,
        place: u32,
        is_last: bool,
        sealed: &[u8],
    ) -> Result<Self, PlanError> {
        let nonce = nonce(place, is_last);
        if sealed.len() < OVERHEAD || sealed[..NONCE_LEN] != nonce {
            return Err(PlanError::NotAuthentic);
        }
        let plain = key.open(sealed).map_err(|_| PlanError::NotAuthentic)?;
        let mut reader = Reader(&plain);
        let length = reader.number()?;
        if length > MAX_TEXT {
            return Err(PlanError::Malformed("a piece is too long"));
        }
        let text = decompress(reader.bytes()?, length as usize)
            .map_err(|_| PlanError::Malformed("a piece cannot be decompressed"))?;
        Ok(Self { text: Writer(text), noise: reader.0.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_opens_in_its_own_place_only() {
        let key = Key::from_bytes(&[3; 64]);
        let piece = Piece { text: Writer(b"text".to_vec()), noise: b"noise".to_vec() };
        let sealed = piece.seal(&key, 7, false).unwrap();
        let opened = Piece::open(&key, 7, false, &sealed).unwrap();
        assert_eq!((opened.text.0, opened.noise), (piece.text.0, piece.noise));
        for (place, is_last) in [(6, false), (8, false), (7, true)] {
            let refused = Piece::open(&key, place, is_last, &sealed);
            assert_eq!(refused.unwrap_err(), PlanError::NotAuthentic);
        }
        // The nonce is not believed either.
        let mut moved = sealed.clone();
        moved[NONCE_LEN - 1] = 8;
        assert_eq!(Piece::open(&key, 8, false, &moved).unwrap_err(), PlanError::NotAuthentic);
        let other = Key::from_bytes(&[4; 64]);
        assert_eq!(Piece::open(&other, 7, false, &sealed).unwrap_err(), PlanError::NotAuthentic);
    }
}
