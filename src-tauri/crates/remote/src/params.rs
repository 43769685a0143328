//! Parameters of a script: lines `name value` on its standard input, any byte
//! allowed, closed by a line `.`. What a POSIX shell's `printf %b` undoes.

use std::fmt;

/// Named values for one script, in order; a name may repeat.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(&'static str, Vec<u8>)>);

impl Params {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.0.push((name, value.as_ref().to_vec()));
        self
    }

    /// As the script reads them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in &self.0 {
            out.extend_from_slice(name.as_bytes());
            out.push(b' ');
            for &byte in value {
                if byte.is_ascii_alphanumeric() || b"/._-:=+,@%".contains(&byte) {
                    out.push(byte);
                } else {
                    out.extend_from_slice(format!("\\0{byte:03o}").as_bytes());
                }
            }
            out.push(b'\n');
        }
        out.extend_from_slice(b".\n");
        out
    }

    /// Reads parameters as a script does; for machines that carry scripts out
    /// without a shell.
    ///
    /// # Errors
    /// The closing line is missing or an escape is broken.
    pub fn decode(input: &[u8]) -> Result<Decoded, &'static str> {
        let mut values = Vec::new();
        let mut at = 0;
        loop {
            let rest = input.get(at..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'\n').ok_or("no closing line")?;
            let line = &rest[..end];
            at += end + 1;
            if line == b"." {
                return Ok(Decoded { values, length: at });
            }
            let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
            let name = String::from_utf8_lossy(&line[..space]).into_owned();
            values.push((name, unescape(line.get(space + 1..).unwrap_or_default())?));
        }
    }
}

/// Parameters as a script has read them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Names and values, in order.
    pub values: Vec<(String, Vec<u8>)>,
    /// How many bytes of the input they took; the rest is the script's own.
    pub length: usize,
}

fn unescape(raw: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let mut value = 0u32;
        for place in 0..4 {
            let digit = bytes.next().ok_or("a broken escape")?;
            if !(b'0'..=b'7').contains(digit) || (place == 0 && *digit != b'0') {
                return Err("a broken escape");
            }
            value = value * 8 + u32::from(digit - b'0');
        }
        out.push(u8::try_from(value).map_err(|_| "a broken escape")?);
    }
    Ok(out)
}

impl fmt::Debug for Params {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_shell_reads_back_any_byte() {
        let value: Vec<u8> = (1..=255u8).chain(*b"\n\n \\ '\"$(id)`").collect();
        let params = Params::new().with("value", &value).with("empty", "");
        let script = r#"
            while IFS=' ' read -r name raw; do
              [ "$name" = . ] && break
              value=$(printf '%b.' "$raw"); value=${value%.}
              printf '[%s]' "$value"
            done
            cat"#;
        for shell in ["sh", "bash", "dash", "busybox"] {
            let mut command = Command::new(shell);
            if shell == "busybox" {
                command.arg("sh");
            }
            let Ok(mut child) =
                command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
            else {
                println!("SKIPPED: no {shell} here");
                continue;
            };
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(&params.encode()).unwrap();
            stdin.write_all(b"rest").unwrap();
            drop(stdin);
            let out = child.wait_with_output().unwrap().stdout;
            let expected: Vec<u8> = [b"[".as_slice(), &value, b"][]rest".as_slice()].concat();
            assert_eq!(out, expected, "{shell}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6)) {
            let mut params = Params::new();
            for value in &values {
                params = params.with("name", value);
            }
            let mut bytes = params.encode();
            let length = bytes.len();
            bytes.extend_from_slice(b"body");
            let read = Params::decode(&bytes).unwrap();
            prop_assert_eq!(read.length, length);
            prop_assert_eq!(read.values.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), values);
        }

        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Params::decode(&bytes);
        }
    }
}
