//! Random bytes, and the forms in which Azure shows them.

#[expect(clippy::expect_used, reason = "AWS-LC ends the process where there is no randomness")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random numbers");
    bytes
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn guid() -> String {
    guid_of(bytes())
}

/// A GUID of version 4 made of the bytes.
fn guid_of(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_guid_has_the_version_and_variant_of_a_random_one() {
        assert_eq!(super::guid_of([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
