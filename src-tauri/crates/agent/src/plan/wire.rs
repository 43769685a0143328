//! The plan's bytes: numbers of variable length and byte strings, read without
//! a panic and without trusting a count.

use super::PlanError;

const CUT_OFF: PlanError = PlanError::Malformed("it is cut off");

/// Appends numbers and byte strings.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn signed(&mut self, value: i64) {
        self.number(zigzag(value));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Reads what [`Writer`] wrote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn number(&mut self) -> Result<u64, PlanError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(CUT_OFF)?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(PlanError::Malformed("a number is too long"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, PlanError> {
        self.number().map(unzigzag)
    }

    pub(super) fn small(&mut self) -> Result<u32, PlanError> {
        u32::try_from(self.number()?).map_err(|_| PlanError::Malformed("a number is too large"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], PlanError> {
        let length = usize::try_from(self.number()?).map_err(|_| CUT_OFF)?;
        self.take(length)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], PlanError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PlanError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// How many items follow, each of at least one byte: never more than
    /// there can be.
    pub(super) fn count(&mut self, limit: usize) -> Result<usize, PlanError> {
        let count = usize::try_from(self.number()?).map_err(|_| CUT_OFF)?;
        if count > limit {
            return Err(PlanError::Malformed("there is more in it than allowed"));
        }
        if count > self.0.len() {
            return Err(CUT_OFF);
        }
        Ok(count)
    }

    pub(super) const fn end(self) -> Result<(), PlanError> {
        if self.0.is_empty() { Ok(()) } else { Err(PlanError::Malformed("something follows it")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_read_back(number: u64, signed: i64, bytes in any::<Vec<u8>>()) {
            let mut writer = Writer::default();
            writer.number(number);
            writer.signed(signed);
            writer.bytes(&bytes);
            let mut reader = Reader(&writer.0);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.bytes(), Ok(&bytes[..]));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn reading_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Reader(&bytes).number();
            let _ = Reader(&bytes).signed();
            let _ = Reader(&bytes).bytes();
            let _ = Reader(&bytes).count(usize::MAX);
        }
    }
}
