//! Made archives, hostile ones among them. Real ones by real tools are in `tests/archives`.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use proptest::prelude::*;

use super::*;

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (path, bytes) in entries {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o640);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A tar whose one header is made by hand, for what a builder refuses to write.
fn raw_tar(name: &[u8], kind: u8, size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = ::tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(::tar::EntryType::new(kind));
    header.set_mode(0o600);
    header.set_size(size);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    let padded = bytes.len().div_ceil(512) * 512;
    bytes.resize(padded, 0);
    bytes
}

fn end(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip that is written piece by piece, so that its directory may lie.
#[derive(Default)]
struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Zip {
    /// Adds a content and lists it.
    fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        let at = self.bytes.len() as u32;
        let packed = deflate(bytes);
        self.bytes
            .extend_from_slice(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0");
        for number in [0, packed.len() as u32, bytes.len() as u32] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.bytes
            .extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(&packed);
        self.listed(name, at, packed.len() as u32, bytes.len() as u32, 0, 8)
    }

    /// Lists a content that lies at `at`.
    fn listed(
        mut self,
        name: &str,
        at: u32,
        packed: u32,
        size: u32,
        flags: u16,
        method: u16,
    ) -> Self {
        let entry = &mut self.directory;
        entry.extend_from_slice(b"PK\x01\x02\x14\x03\x14\0");
        for number in [flags, method, 0, 0] {
            entry.extend_from_slice(&number.to_le_bytes());
        }
        for number in [0, packed, size] {
            entry.extend_from_slice(&number.to_le_bytes());
        }
        entry.extend_from_slice(&(name.len() as u16).to_le_bytes());
        entry.extend_from_slice(&[0; 8]);
        entry.extend_from_slice(&(0o100_600_u32 << 16).to_le_bytes());
        entry.extend_from_slice(&at.to_le_bytes());
        entry.extend_from_slice(name.as_bytes());
        self.count += 1;
        self
    }

    fn end(mut self) -> Vec<u8> {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&self.directory);
        self.bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        for _ in 0..2 {
            self.bytes.extend_from_slice(&self.count.to_le_bytes());
        }
        let length = self.directory.len() as u32;
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&at.to_le_bytes());
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes
    }
}

fn limits() -> ArchiveLimits {
    ArchiveLimits {
        bytes_max: 8 << 20,
        ratio_free: 1 << 20,
        held_max: 1 << 20,
        ..ArchiveLimits::default()
    }
}

fn read(bytes: &[u8], name: &str) -> Unpacked {
    unpack_all(bytes, name, limits())
}

/// What came out: path and text.
fn texts(some: &Unpacked) -> Vec<(&str, String)> {
    let text = |entry: &'_ Packed| {
        let file = entry.file.as_ref()?;
        Some(String::from_utf8_lossy(file.bytes.expose()).into_owned())
    };
    some.entries
        .iter()
        .filter_map(|entry| Some((entry.path.as_str(), text(entry)?)))
        .collect()
}

fn gaps(some: &Unpacked) -> Vec<(&str, &str)> {
    some.gaps
        .iter()
        .map(|(path, refusal)| (path.as_str(), refusal.told.as_str()))
        .collect()
}

#[test]
fn a_sum_that_does_not_fit_is_a_gap() {
    let text = b"TOKEN=0123456789";
    let summed = |sum: u32| {
        let mut bytes = Zip::default().file("a.env", text).end();
        let is_listed = |head: &[u8]| head == b"PK\x01\x02";
        let directory = bytes.windows(4).position(is_listed).unwrap();
        bytes[14..18].copy_from_slice(&sum.to_le_bytes());
        bytes[directory + 16..directory + 20].copy_from_slice(&sum.to_le_bytes());
        bytes
    };
    let whole = gzip(&end(tar(&[("a.env", text)])));
    let mut broken = whole.clone();
    let at = broken.len() - 8;
    broken[at] ^= 0xff;
    for (bytes, gaps) in [
        (summed(crc32(text)), 0),
        (summed(crc32(text) ^ 1), 1),
        (summed(0), 0),
        (whole, 0),
        (broken, 1),
    ] {
        let told = read(&bytes, "a");
        assert_eq!(told.gaps.len(), gaps, "{:?}", told.gaps);
        assert_eq!(told.entries.len(), 1);
    }
}

#[test]
fn a_file_comes_out_of_every_packing_as_it_went_in() {
    let plain = tar(&[("etc/.env", b"A=b"), ("long/".repeat(60).as_str(), b"")]);
    let expected = [("etc/.env", "A=b".to_owned())];
    let mut zstd = Vec::new();
    // A frame of one raw block, with a skippable frame before it.
    zstd.extend_from_slice(b"\x50\x2a\x4d\x18\x03\0\0\0abc");
    zstd.extend_from_slice(b"\x28\xb5\x2f\xfd\xa0");
    zstd.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    zstd.extend_from_slice(&((plain.len() as u32) << 3 | 1).to_le_bytes()[..3]);
    zstd.extend_from_slice(&plain);
    zstd.splice(..0, zstd[11..].to_vec());
    for bytes in [
        plain.clone(),
        gzip(&plain),
        Zip::default().file("etc/.env", b"A=b").end(),
        zstd,
    ] {
        let some = read(&bytes, "a");
        assert_eq!(texts(&some)[..1], expected[..], "{:?}", gaps(&some));
    }
}

#[test]
fn a_file_that_is_compressed_alone_is_called_after_its_archive() {
    let some = read(&gzip(b"A=b"), "prod.env.gz");
    assert_eq!(texts(&some), [("prod.env", "A=b".to_owned())]);
}

#[test]
fn an_archive_in_an_archive_is_opened_and_says_where_it_lies() {
    let inner = Zip::default().file("a.env", b"A=b").end();
    let layer = gzip(&tar(&[("app/lib.jar", &inner)]));
    let some = read(
        &tar(&[("layer.tar.gz", &layer), ("z.env", b"Z=1")]),
        "a.tar",
    );
    assert_eq!(
        texts(&some),
        [
            ("layer.tar.gz!/app/lib.jar!/a.env", "A=b".to_owned()),
            ("z.env", "Z=1".to_owned())
        ]
    );
    assert_eq!(gaps(&some), []);
}

#[test]
fn archives_within_one_another_are_opened_so_deep_and_no_deeper() {
    let mut bytes = b"A=b".to_vec();
    for _ in 0..40 {
        bytes = Zip::default().file("x.zip", &bytes).end();
    }
    let some = read(&bytes, "x.zip");
    let (path, told) = gaps(&some)[0];
    assert_eq!(path.matches("!/").count() + 1, limits().depth_max);
    assert!(told.contains("within one another"), "{told}");
    // The same by streams alone: what ends in itself never ends.
    let mut bytes = b"A=b".to_vec();
    for _ in 0..40 {
        bytes = gzip(&bytes);
    }
    assert!(
        gaps(&read(&bytes, "x.gz"))[0]
            .1
            .contains("within one another")
    );
}

#[test]
fn a_bomb_is_cut_off_and_what_lies_beside_it_is_read() {
    let bomb = vec![b'a'; 4 << 20];
    let zip = Zip::default()
        .file("bomb.txt", &bomb)
        .file("a.env", b"A=b")
        .end();
    let some = read(&zip, "x.zip");
    assert_eq!(gaps(&some).len(), 1);
    assert!(
        gaps(&some)[0].1.contains("200 times its size"),
        "{:?}",
        gaps(&some)
    );
    assert!(texts(&some).contains(&("a.env", "A=b".to_owned())));
}

#[test]
fn many_files_that_unpack_to_too_much_end_the_archive_with_one_gap() {
    // Each is below the ratio's allowance, all of them are not.
    let bomb = vec![b'a'; 900 << 10];
    let mut zip = Zip::default();
    for n in 0..50 {
        zip = zip.file(&format!("{n}.txt"), &bomb);
    }
    let some = read(&zip.end(), "x.zip");
    assert_eq!(gaps(&some).len(), 1, "{:?}", gaps(&some));
    assert!(gaps(&some)[0].1.contains("more than 8 MiB"));
    let unpacked: usize = texts(&some).iter().map(|(_, text)| text.len()).sum();
    assert!(unpacked < 9 << 20);
}

#[test]
fn archives_within_archives_give_no_more_together_than_the_whole_may() {
    let nested = |inner: &[u8]| {
        let copies = (0..8).map(|n| format!("{n}.zip"));
        let zip = copies.fold(Zip::default(), |zip, name| zip.file(&name, inner));
        zip.end()
    };
    let zeros = Zip::default().file("zeros.env", &vec![0; 900 << 10]).end();
    let bomb = nested(&nested(&zeros));
    let small = ArchiveLimits {
        bytes_max: u64::MAX,
        whole_free: 4 << 20,
        ..limits()
    };
    assert!((bomb.len() as u64) * small.ratio_max < small.whole_free);
    let some = unpack_all(&bomb, "x.zip", small);
    let beyond = |(_, told): &(&str, &str)| told.contains("more than 4 MiB");
    assert!(gaps(&some).iter().any(beyond), "{:?}", gaps(&some));
    let unpacked: usize = texts(&some).iter().map(|(_, text)| text.len()).sum();
    assert!(unpacked <= 4 << 20, "{unpacked}");
}

#[test]
fn contents_that_share_bytes_are_read_once() {
    let packed = deflate(b"A=b").len() as u32;
    let mut zip = Zip::default().file("0.env", b"A=b");
    for n in 1..100 {
        zip = zip.listed(&format!("{n}.env"), 0, packed, 3, 0, 8);
    }
    let some = read(&zip.end(), "x.zip");
    assert_eq!(texts(&some).len(), 1);
    assert_eq!(gaps(&some).len(), 99);
    assert!(
        gaps(&some)
            .iter()
            .all(|(_, told)| told.contains("shares bytes"))
    );
}

#[test]
fn what_cannot_be_unpacked_of_a_zip_is_a_gap_with_its_name() {
    let zip = Zip::default()
        .file("a.env", b"A=b")
        .listed("sealed.env", 0, 5, 3, 1, 8)
        .listed("odd.env", 0, 5, 3, 0, 98)
        .listed("nowhere.env", 1 << 30, 5, 3, 0, 8);
    let some = read(&zip.end(), "x.zip");
    let places: Vec<_> = gaps(&some).iter().map(|(path, _)| *path).collect();
    assert_eq!(places, ["sealed.env", "odd.env", "nowhere.env"]);
    assert_eq!(texts(&some).len(), 1);
}

#[test]
fn too_many_entries_and_too_many_gaps_are_told_once() {
    let names: Vec<_> = (0..20).map(|n| format!("{n}.env")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), b"A=b".as_slice()))
        .collect();
    let few = ArchiveLimits {
        entries_max: 10,
        ..limits()
    };
    let some = unpack_all(&tar(&entries), "a.tar", few);
    assert_eq!((texts(&some).len(), gaps(&some).len()), (10, 1));
    let mut zip = Zip::default().file("a.env", b"A=b");
    for name in &names {
        zip = zip.listed(name, 1 << 30, 5, 3, 0, 8);
    }
    let few = ArchiveLimits {
        gaps_max: 5,
        ..limits()
    };
    let some = unpack_all(&zip.end(), "x.zip", few);
    assert_eq!(gaps(&some).len(), 6);
    assert_eq!(
        gaps(&some)[5],
        ("", "more than 5 places in it could not be read")
    );
}

#[test]
fn what_is_cut_off_anywhere_is_told_and_what_lies_before_is_read() {
    let plain = tar(&[("a.env", b"A=b"), ("b.env", &[b'B'; 3000])]);
    for whole in [plain.clone(), gzip(&plain)] {
        let all = texts(&read(&whole, "a")).len();
        assert_eq!(all, 2);
        for length in 20..whole.len() {
            let some = read(&whole[..length], "a");
            // Behind the last content only the end mark is missing.
            let lost = texts(&some).len() < all;
            assert!(
                !lost || !some.gaps.is_empty(),
                "{length}: {:?}",
                texts(&some)
            );
        }
        let some = read(&whole[..whole.len() * 2 / 5], "a");
        let told = gaps(&some);
        let early = |(_, told): &(&str, &str)| told.starts_with("ends early");
        assert!(!told.is_empty() && told.iter().all(early), "{told:?}");
    }
    let zip = Zip::default().file("a.env", b"A=b").end();
    for length in 4..zip.len() {
        assert!(!read(&zip[..length], "x.zip").gaps.is_empty(), "{length}");
    }
}

#[test]
fn devices_pipes_and_links_in_an_archive_are_names_and_nothing_else() {
    for kind in *b"12346" {
        // A size is not obeyed where there can be no content.
        let mut bytes = raw_tar(b"etc/shadow.env", kind, 1 << 40, b"");
        bytes.extend_from_slice(&tar(&[("a.env", b"A=b")]));
        let some = read(&bytes, "a.tar");
        assert_eq!(texts(&some), [("a.env", "A=b".to_owned())]);
        assert_ne!(some.entries[0].kind, connectors::EntryKind::File);
    }
}

#[test]
fn a_size_that_no_file_has_ends_with_a_gap_and_no_memory() {
    let some = read(&raw_tar(b"a.env", b'0', 1 << 60, b"A=b"), "a.tar");
    assert_eq!(texts(&some).len(), 1);
    assert!(
        gaps(&some)
            .iter()
            .any(|(_, told)| told.contains("ends early"))
    );
}

#[test]
fn a_name_of_a_gigabyte_is_passed_over() {
    let mut bytes = raw_tar(b"././@LongLink", b'L', 1 << 30, b"");
    bytes.extend_from_slice(&[b'n'; 4096]);
    let some = read(&bytes, "a.tar");
    assert!(gaps(&some)[0].1.contains("too long"), "{:?}", gaps(&some));
}

#[test]
fn holes_of_sparse_files_are_not_unpacked() {
    // Format 1.0: the map stands before the content; 8 EiB of holes.
    let mut map = b"2\n0\n4\n9223372036854775000\n4\n".to_vec();
    map.resize(512, 0);
    map.extend_from_slice(b"A=b\nC=d\n");
    let record = |text: &str| {
        let length = text.len() + 4;
        format!("{length} {text}\n")
    };
    let records = record("GNU.sparse.major=1") + &record("GNU.sparse.name=real.env");
    let mut bytes = raw_tar(b"pax", b'x', records.len() as u64, records.as_bytes());
    bytes.extend_from_slice(&raw_tar(b"GNUSparseFile.0/x", b'0', map.len() as u64, &map));
    assert_eq!(
        texts(&read(&end(bytes), "a.tar")),
        [("real.env", "A=b\nC=d\n".to_owned())]
    );
    // The old format: the map goes on in blocks behind the header.
    let mut header = ::tar::Header::new_gnu();
    header.set_path("old.env").unwrap();
    header.set_entry_type(::tar::EntryType::new(b'S'));
    header.set_mode(0o600);
    header.set_size(4);
    header.as_gnu_mut().unwrap().set_is_extended(true);
    header.as_gnu_mut().unwrap().set_real_size(u64::MAX >> 2);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(::tar::GnuExtSparseHeader::new().as_bytes());
    bytes.extend_from_slice(b"A=b\n");
    bytes.resize(512 * 3, 0);
    assert_eq!(
        texts(&read(&end(bytes), "a.tar")),
        [("old.env", "A=b\n".to_owned())]
    );
}

#[test]
fn an_xz_stream_that_asks_for_gigabytes_is_refused() {
    // A block header whose dictionary is of 4 GiB (property 40), with a fitting checksum.
    let mut header = b"\x02\x00\x21\x01\x28\0\0\0".to_vec();
    header.extend_from_slice(&crc32(&header).to_le_bytes());
    let mut bytes = b"\xfd7zXZ\0\0\x01".to_vec();
    bytes.extend_from_slice(&crc32(b"\0\x01").to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&[1; 64]);
    let some = read(&bytes, "a.xz");
    assert_eq!((some.entries.len(), some.gaps.len()), (0, 1));
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn entries_may_be_asked_for_from_anywhere() {
    let names: Vec<_> = (0..50).map(|n| format!("{n}.env")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), b"A=b".as_slice()))
        .collect();
    let bytes = tar(&entries);
    let small = ArchiveLimits {
        answer_bytes: 20,
        ..limits()
    };
    let mut seen = Vec::new();
    let mut next = Some(0);
    while let Some(from) = next {
        let len = bytes.len() as u64;
        // Opened anew each time, as after a pause.
        let mut archive = Archive::open(bytes.clone(), len, "a.tar".into(), from, small).unwrap();
        let some = archive.next().unwrap();
        seen.extend(some.entries.into_iter().map(|entry| entry.path));
        next = some.next;
    }
    assert_eq!(seen, names);
}

#[test]
fn an_archive_that_nobody_reads_further_stops_its_thread() {
    let bytes = tar(&[
        ("a.env", &[b'A'; 3000]),
        ("b.env", b"B=c"),
        ("c.env", b"C=d"),
    ]);
    let small = ArchiveLimits {
        answer_bytes: 1,
        ..limits()
    };
    let len = bytes.len() as u64;
    let archive = Archive::open(bytes, len, "a.tar".into(), 0, small).unwrap();
    let closed = Arc::clone(&archive.closed);
    drop(archive);
    // The thread holds the other end until it is over.
    while Arc::strong_count(&closed) > 1 {
        std::thread::yield_now();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_end_in_entries_and_gaps(
        magic in 0_usize..6,
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let magic: &[u8] = [
            b"PK\x03\x04".as_slice(), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh91AY&SY", b"",
        ][magic];
        let some = read(&[magic, &bytes].concat(), "a");
        let unpacked: usize = texts(&some).iter().map(|(_, text)| text.len()).sum();
        prop_assert!(unpacked < 9 << 20);
        prop_assert!(!some.gaps.is_empty() || !some.entries.is_empty());
    }
}
