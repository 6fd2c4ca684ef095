//! Compressed streams.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use bzip2::read::MultiBzDecoder;
use connectors::Packing;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use lzma_rust2::XzReader;
use rawzip::CompressionMethod;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::bounds::{Bounded, Counted, Spent, Steady};

/// Memory that a stream may ask for before its first byte: xz -9 and zstd -19 need half of it.
const WINDOW_MAX: u64 = 128 << 20;

/// What a compressed stream gives.
pub(super) type Stream<'r> = Bounded<Box<dyn Read + 'r>>;

/// Decompresses a stream; none where `packing` is no compression of one.
pub(super) fn stream<'r>(
    packing: Packing,
    source: impl Read + 'r,
    spent: &Rc<Spent>,
) -> Option<Stream<'r>> {
    let (source, packed) = counted(source);
    let inner: Box<dyn Read + 'r> = match packing {
        Packing::Gzip => Box::new(Steady::new(MultiGzDecoder::new(source))),
        Packing::Zstd => Box::new(ZstdFrames::new(source)),
        Packing::Xz => Box::new(xz(source)),
        Packing::Bzip2 => Box::new(MultiBzDecoder::new(source)),
        Packing::Tar | Packing::Zip => return None,
    };
    Some(Bounded::new(inner, packed, Rc::clone(spent)))
}

/// Decompresses a stream that whoever reads it bounds; none where `packing` is no compression of
/// one.
pub(in crate::ports) fn unpacked(
    packing: Packing,
    source: impl Read + Send + 'static,
) -> Option<Box<dyn Read + Send>> {
    Some(match packing {
        Packing::Gzip => Box::new(Steady::new(MultiGzDecoder::new(BufReader::new(source)))),
        Packing::Zstd => Box::new(ZstdFrames::new(source)),
        Packing::Xz => Box::new(xz(source)),
        Packing::Bzip2 => Box::new(MultiBzDecoder::new(BufReader::new(source))),
        Packing::Tar | Packing::Zip => return None,
    })
}

/// Decompresses an entry of a zip; none where the method is beyond us.
pub(super) fn entry<'r>(
    method: CompressionMethod,
    source: impl Read + 'r,
    spent: &Rc<Spent>,
) -> Option<Stream<'r>> {
    let (source, packed) = counted(source);
    let inner: Box<dyn Read + 'r> = match method {
        CompressionMethod::STORE => Box::new(source),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(source)),
        CompressionMethod::BZIP2 => Box::new(MultiBzDecoder::new(source)),
        CompressionMethod::ZSTD | CompressionMethod::ZSTD_DEPRECATED => {
            Box::new(ZstdFrames::new(source))
        }
        CompressionMethod::XZ => Box::new(xz(source)),
        _ => return None,
    };
    Some(Bounded::new(inner, packed, Rc::clone(spent)))
}

fn counted<R: Read>(inner: R) -> (Counted<R>, Rc<Cell<u64>>) {
    let count = Rc::new(Cell::new(0));
    let source = Counted {
        inner,
        count: Rc::clone(&count),
    };
    (source, count)
}

fn xz<R: Read>(source: R) -> XzReader<BufReader<R>> {
    let kib = u32::try_from(WINDOW_MAX >> 10).unwrap_or(u32::MAX);
    XzReader::new_mem_limit(BufReader::new(source), true, kib)
}

/// Zstandard frames one after the other, skippable ones among them (RFC 8878 section 3.1.2):
/// layers that can be fetched in pieces end in some.
struct ZstdFrames<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: Read> ZstdFrames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_MAX);
        Self {
            source: BufReader::new(source),
            decoder,
            within: false,
        }
    }

    /// Begins the next frame; `false` at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let mut skipped = self.source.by_ref().take(length);
                    if io::copy(&mut skipped, &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(broken) => return Err(io::Error::other(broken)),
            }
        }
        Ok(false)
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.within && !self.begin()? {
                return Ok(0);
            }
            self.within = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            self.within = false;
        }
    }
}
