"""The texts of sections as the journal keeps them: compressed, each with a checksum (pure)."""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor, ZstdError, decompress
else:
    from backports.zstd import CompressionParameter, ZstdCompressor, ZstdError, decompress

# Level 1 takes a third of the time of zlib, for the same size. One compressor serves all texts: a new one takes longer
# than a text. The journal's thread is the only one that uses it.
_COMPRESSOR = ZstdCompressor(
    options={CompressionParameter.compression_level: 1, CompressionParameter.checksum_flag: 1},
)


def compress(text: str) -> bytes:
    return _COMPRESSOR.compress(text.encode("utf-8", "surrogatepass"), ZstdCompressor.FLUSH_FRAME)


def expand(kept: bytes) -> str:
    """The text.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return decompress(kept).decode("utf-8", "surrogatepass")
    except ZstdError as error:
        raise ValueError(str(error)) from None
