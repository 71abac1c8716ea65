use std::io;

use super::malformed;

/// `NAMEDATALEN - 1` of the server.
const LONGEST_NAME: usize = 63;

/// A start-up message. Values are bytes: their encoding is between client and server.
#[derive(Clone)]
pub(crate) struct Startup {
    /// The version of the protocol, its major number in the upper half.
    version: [u8; 4],
    parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Startup {
    /// Names and values in turn, each ended by a zero byte, and one more zero byte at the end. There must be a
    /// user.
    ///
    /// A name that comes twice is refused, which the server itself would not do: of two values it takes
    /// the last, and what is judged here must be what it takes.
    pub(super) fn parse(bytes: &[u8]) -> io::Result<Self> {
        let version = *bytes.get(4..).and_then(<[u8]>::first_chunk).ok_or_else(malformed)?;
        let text = bytes[8..].strip_suffix(b"\0\0").ok_or_else(malformed)?;
        let fields: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
        let (pairs, []) = fields.as_chunks() else { return Err(malformed()) };
        let mut startup = Self { version, parameters: Vec::new() };
        for [name, value] in pairs {
            if name.is_empty() || startup.find(name).is_some() {
                return Err(malformed());
            }
            startup.parameters.push((name.to_vec(), value.to_vec()));
        }
        if startup.find(b"user").is_none_or(<[u8]>::is_empty) {
            return Err(malformed());
        }
        Ok(startup)
    }

    /// A parameter's value, unless it is missing or empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.find(name.as_bytes()).filter(|value| !value.is_empty())
    }

    /// The user as the server takes it: cut off where the server cuts it off, inside a character too. Half
    /// of one becomes U+FFFD, and the name that of no role.
    pub(crate) fn user(&self) -> String {
        self.name("user").unwrap_or_default()
    }

    /// The database as the server takes it.
    #[cfg(all(feature = "emulator", unix))]
    pub(crate) fn database(&self) -> String {
        self.name("database").unwrap_or_else(|| self.user())
    }

    /// Sets a parameter in place of what the client said.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.parameters.retain(|(known, _)| known != name.as_bytes());
        self.parameters.push((name.as_bytes().to_vec(), value.to_vec()));
    }

    /// The message as it is sent.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [[0; 4], self.version].concat();
        for text in self.parameters.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
        bytes.push(0);
        let length = bytes.len() as u32;
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    fn name(&self, parameter: &str) -> Option<String> {
        let value = self.parameter(parameter)?;
        let served = &value[..value.len().min(LONGEST_NAME)];
        Some(String::from_utf8_lossy(served).into_owned())
    }

    fn find(&self, name: &[u8]) -> Option<&[u8]> {
        let known = self.parameters.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_replaced_and_the_others_and_the_version_stay() {
        let bytes = b"\0\0\0\x26\0\x03\0\x02user\0me\0replication\0database\0\0";
        let mut startup = Startup::parse(bytes).unwrap();
        startup.set("user", b"aad_app");
        startup.set("database", b"orders");
        let expected: &[u8] =
            b"\0\0\0\x3b\0\x03\0\x02replication\0database\0user\0aad_app\0database\0orders\0\0";
        assert_eq!(startup.to_bytes(), expected);
    }
}
