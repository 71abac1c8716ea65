//! Who issued a certificate, for whom and until when, for diagnosis. Whether it is to be trusted is the TLS
//! library's business.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, SystemTime},
};

use time::{Date, Month, PrimitiveDateTime, Time};

/// What a certificate says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    /// The issuer's common name and organisation.
    pub(crate) issuer: String,
    /// The subject's, which TLS has no use for any more: the names below count.
    pub(crate) subject: String,
    /// The host names and addresses that it is for.
    pub(crate) names: Vec<String>,
    pub(crate) not_after: SystemTime,
}

/// The tags of ASN.1 that occur on the way.
mod tag {
    pub(super) const OBJECT_ID: u8 = 0x06;
    pub(super) const BMP_STRING: u8 = 0x1e;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const GENERALIZED_TIME: u8 = 0x18;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const OCTET_STRING: u8 = 0x04;
    pub(super) const EXPLICIT_VERSION: u8 = 0xa0;
    pub(super) const EXPLICIT_EXTENSIONS: u8 = 0xa3;
    pub(super) const DNS_NAME: u8 = 0x82;
    pub(super) const IP_ADDRESS: u8 = 0x87;
}

/// The extension with the names that a certificate is for
/// ([RFC 5280, section 4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)).
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// How many names are worth showing.
const NAMES_LIMIT: usize = 8;

/// The DigiCert Global Root G1, which bears no number, and the authorities below it that Azure's servers
/// have used ([Azure](https://learn.microsoft.com/azure/postgresql/security/security-tls)).
const UNDER_GLOBAL_ROOT_G1: [&str; 4] = [
    "CN=DigiCert Global Root CA,",
    "CN=DigiCert TLS RSA SHA256 2020 CA1,",
    "CN=DigiCert SHA2 Secure Server CA,",
    "CN=DigiCert Basic RSA CN CA G2,",
];

/// The parts of a name that are worth showing, and how they are written.
const SHOWN: [(&[u8], &str); 2] = [(&[0x55, 0x04, 0x03], "CN"), (&[0x55, 0x04, 0x0a], "O")];

impl CertificateFacts {
    /// Reads a certificate in DER; `None` if it is not one
    /// ([RFC 5280, section 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Der(der).content_of(tag::SEQUENCE)?;
        let mut fields = certificate.content_of(tag::SEQUENCE)?;
        if fields.peek() == Some(tag::EXPLICIT_VERSION) {
            fields.element()?;
        }
        let (_serial_number, _signature) = (fields.element()?, fields.element()?);
        let issuer = fields.content_of(tag::SEQUENCE)?;
        let mut validity = fields.content_of(tag::SEQUENCE)?;
        let _not_before = validity.element()?;
        let (kind, not_after) = validity.element()?;
        let subject = fields.content_of(tag::SEQUENCE)?;
        Some(Self {
            issuer: name(issuer),
            subject: name(subject),
            names: names(fields).unwrap_or_default(),
            not_after: time(kind, not_after)?,
        })
    }

    /// What is known about this issuer, should the certificate be refused.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        let issuer = format!("{},", self.issuer);
        UNDER_GLOBAL_ROOT_G1.iter().any(|name| issuer.contains(name)).then_some(
            "the server still shows a certificate under DigiCert Global Root G1, which the stores of \
             authorities have begun to drop: name a file with that root (DigiCert Global Root CA) in \
             PGSSLROOTCERT or sslrootcert until the server has a newer one",
        )
    }
}

/// A position in DER. Every read stays within the bytes, and no length is trusted.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and its content.
    fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // The long form with up to four bytes: four gigabytes are enough for a certificate.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
                (usize::try_from(length).ok()?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, if that has this tag.
    fn content_of(&mut self, expected: u8) -> Option<Self> {
        let (tag, content) = self.element()?;
        (tag == expected).then_some(Der(content))
    }
}

/// A name as `CN=..., O=...`: a sequence of sets of attributes, each an id and a text.
fn name(mut of: Der<'_>) -> String {
    let mut shown = Vec::new();
    while let Some(mut attributes) = of.content_of(tag::SET) {
        while let Some(attribute) = attributes.content_of(tag::SEQUENCE) {
            shown.extend(attribute_text(attribute));
        }
    }
    shown.sort();
    shown.join(", ")
}

fn attribute_text(mut attribute: Der<'_>) -> Option<String> {
    let id = attribute.content_of(tag::OBJECT_ID)?;
    let (_, label) = SHOWN.iter().find(|(shown, _)| *shown == id.0)?;
    let (kind, text) = attribute.element()?;
    let text = match kind {
        tag::BMP_STRING => {
            let units = text.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
        }
        _ => String::from_utf8_lossy(text).into_owned(),
    };
    Some(format!("{label}={text}"))
}

/// The names in the extensions, which are the last of a certificate's fields.
fn names(mut fields: Der<'_>) -> Option<Vec<String>> {
    let mut extensions = loop {
        let (tag, content) = fields.element()?;
        if tag == tag::EXPLICIT_EXTENSIONS {
            break Der(content).content_of(tag::SEQUENCE)?;
        }
    };
    let mut list = loop {
        let mut extension = extensions.content_of(tag::SEQUENCE)?;
        if extension.content_of(tag::OBJECT_ID)?.0 != SUBJECT_ALT_NAME {
            continue;
        }
        if extension.peek() == Some(tag::BOOLEAN) {
            extension.element()?;
        }
        break extension.content_of(tag::OCTET_STRING)?.content_of(tag::SEQUENCE)?;
    };
    let mut names = Vec::new();
    while let Some((kind, name)) = list.element().filter(|_| names.len() < NAMES_LIMIT) {
        names.extend(match kind {
            tag::DNS_NAME => Some(String::from_utf8_lossy(name).into_owned()),
            tag::IP_ADDRESS => address(name).map(|address| address.to_string()),
            _ => None,
        });
    }
    Some(names)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|it| Ipv4Addr::from(it).into());
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(|it| Ipv6Addr::from(it).into());
    v4().or_else(v6)
}

/// `YYMMDDhhmmssZ` for the years 1950 to 2049, `YYYYMMDDhhmmssZ` for others
/// ([RFC 5280, section 4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).
fn time(kind: u8, text: &[u8]) -> Option<SystemTime> {
    let digits = text.strip_suffix(b"Z").filter(|text| text.iter().all(u8::is_ascii_digit))?;
    let (year, rest) = match (kind, digits.len()) {
        (tag::UTC_TIME, 12) => {
            let year = number(&digits[..2]);
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (tag::GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
        _ => return None,
    };
    let part = |index: usize| u8::try_from(number(&rest[2 * index..2 * index + 2])).ok();
    let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(1)?).ok()?;
    let time = Time::from_hms(part(2)?, part(3)?, part(4)?).ok()?;
    let seconds = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// The number that up to four digits stand for.
fn number(digits: &[u8]) -> i32 {
    digits.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn both_forms_of_time_are_read() {
        assert_eq!(time(tag::UTC_TIME, b"260102030405Z"), Some(at(1_767_323_045)));
        assert_eq!(time(tag::UTC_TIME, b"700101000000Z"), Some(at(0)));
        assert_eq!(time(tag::GENERALIZED_TIME, b"20500101000000Z"), Some(at(2_524_608_000)));
        for text in ["", "Z", "260102030405", "261302030405Z", "260102250405Z", "26010203040xZ"] {
            assert_eq!(time(tag::UTC_TIME, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_common_name_comes_before_the_organisation_in_any_string_type() {
        let organisation = [0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 0x0a, 0x13, 2, b'M', b'S'];
        let common_name = [0x31, 13, 0x30, 11, 6, 3, 0x55, 4, 3, 0x1e, 4, 0, b'C', 0, b'A'];
        let both = [&organisation[..], &common_name].concat();
        assert_eq!(name(Der(&both)), "CN=CA, O=MS");
    }

    #[test]
    fn a_length_that_leads_out_of_the_bytes_is_refused() {
        for der in [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1][..], &[0x30, 5, 1], &[0x30, 0x80]] {
            assert_eq!(CertificateFacts::read(der), None);
        }
    }

    #[cfg(feature = "emulator")]
    fn certificate(common_name: &str) -> Vec<u8> {
        use rcgen::{CertificateParams, DnType, KeyPair, SanType};
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, "Contoso");
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.subject_alt_names = ["db.example", "127.0.0.1", "::1"]
            .map(|name| match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.try_into().unwrap()),
            })
            .to_vec();
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[cfg(feature = "emulator")]
    #[test]
    fn a_certificate_tells_its_issuer_its_names_and_its_end() {
        let facts = CertificateFacts::read(&certificate("authority of the tests")).unwrap();
        assert_eq!(facts.issuer, "CN=authority of the tests, O=Contoso");
        assert_eq!(facts.subject, facts.issuer, "it signed itself");
        assert_eq!(facts.names, ["db.example", "127.0.0.1", "::1"]);
        assert_eq!(facts.not_after, at(1_927_843_200));
    }

    #[cfg(feature = "emulator")]
    #[test]
    fn an_authority_under_the_root_that_stores_drop_has_a_hint() {
        let hint = |name| CertificateFacts::read(&certificate(name)).unwrap().hint();
        for name in ["DigiCert Global Root CA", "DigiCert TLS RSA SHA256 2020 CA1"] {
            assert!(hint(name).unwrap().contains("Global Root G1"), "{name}");
        }
        for name in ["DigiCert Global Root G2", "Microsoft Azure RSA TLS Issuing CA 03", "Contoso"]
        {
            assert_eq!(hint(name), None, "{name}");
        }
    }

    #[cfg(feature = "emulator")]
    #[test]
    fn no_damage_to_a_certificate_panics() {
        let certificate = certificate("authority of the tests");
        for end in 0..certificate.len() {
            let _ = CertificateFacts::read(&certificate[..end]);
            for byte in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut damaged = certificate.clone();
                damaged[end] = byte;
                let _ = CertificateFacts::read(&damaged);
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(der in any::<Vec<u8>>(), kind in any::<u8>()) {
            let _ = CertificateFacts::read(&der);
            let _ = time(kind, &der);
            let _ = name(Der(&der));
        }
    }
}
