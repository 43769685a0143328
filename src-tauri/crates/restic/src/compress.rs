//! zstd with a hard limit on what comes out.

use std::io::Read;

use crate::Error;

/// Up to here the announced length is allocated at once; beyond it, memory
/// grows only as data really comes out.
const TRUSTED_LEN: usize = 16 << 20;

/// restic's own default level.
const LEVEL: i32 = 3;

/// Decompresses at most `limit` bytes.
///
/// # Errors
/// [`Error::Decompress`], also where more would come out than a small limit;
/// [`Error::TooLong`] where more would come out than a large one.
pub fn decompress(data: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    if limit <= TRUSTED_LEN {
        let mut out = Vec::with_capacity(limit);
        return match zstd::bulk::Decompressor::new()
            .and_then(|mut zstd| zstd.decompress_to_buffer(data, &mut out))
        {
            Ok(_) => Ok(out),
            // zstd does not tell "does not fit" from damage in a stable way.
            Err(_) => Err(Error::Decompress),
        };
    }
    let mut out = Vec::new();
    let mut decoder =
        zstd::Decoder::with_buffer(data).map_err(|_| Error::Decompress)?.take(limit as u64 + 1);
    decoder.read_to_end(&mut out).map_err(|_| Error::Decompress)?;
    if out.len() > limit {
        return Err(Error::TooLong { limit });
    }
    Ok(out)
}

/// Compresses as restic does by default.
///
/// # Errors
/// None in practice.
pub fn compress(data: &[u8]) -> Result<Vec<u8>, Error> {
    zstd::bulk::compress(data, LEVEL).map_err(|_| Error::malformed("data", "zstd refuses it"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let bomb = compress(&vec![0; 64 << 20]).unwrap();
        assert!(bomb.len() < 8192);
        assert_eq!(decompress(&bomb, 1 << 20), Err(Error::Decompress));
        let limit = 32 << 20;
        assert_eq!(decompress(&bomb, limit), Err(Error::TooLong { limit }));
        assert_eq!(decompress(&bomb, 64 << 20).unwrap().len(), 64 << 20);
        assert_eq!(decompress(&bomb, usize::MAX >> 1).unwrap().len(), 64 << 20);
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_decompressed(data in any::<Vec<u8>>()) {
            let small = compress(&data).unwrap();
            prop_assert_eq!(decompress(&small, data.len()).unwrap(), &data[..]);
            prop_assert_eq!(decompress(&small, 1 << 30).unwrap(), data);
        }

        #[test]
        fn decompressing_never_panics(data in any::<Vec<u8>>(), limit in 0usize..1 << 26) {
            let _ = decompress(&data, limit);
        }

        #[test]
        fn decompressing_damage_never_panics(
            data in any::<Vec<u8>>(),
            at in any::<prop::sample::Index>(),
            byte: u8,
        ) {
            let mut small = compress(&data).unwrap();
            let at = at.index(small.len());
            small[at] = byte;
            let _ = decompress(&small, data.len());
            let _ = decompress(&small, 1 << 26);
        }
    }
}
