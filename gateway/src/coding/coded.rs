//! Bodies in every coding, for tests.

use std::io::Write;

use super::name::Coding;

/// Every coding.
pub(super) const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

/// `plain`, coded.
pub(super) fn coded(coding: Coding, plain: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    let mut coded = Vec::new();
    match coding {
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(&mut coded, level);
            encoder.write_all(plain).expect("memory");
            encoder.finish().expect("memory");
        }
        Coding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(&mut coded, level);
            encoder.write_all(plain).expect("memory");
            encoder.finish().expect("memory");
        }
        Coding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(&mut coded, 4096, 1, 20);
            encoder.write_all(plain).expect("memory");
        }
        Coding::Zstd => coded = zstd::stream::encode_all(plain, 1).expect("memory"),
    }
    coded
}
