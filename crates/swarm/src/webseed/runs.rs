//! Blocks that follow one another: asked for together, and cut apart again as they come.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::layout::{Block, Layout};

/// Blocks of one question.
const MAX_RUN_BLOCKS: usize = 256;

/// The block after this one, in the next piece if need be.
fn after(block: Block, layout: &Layout) -> Block {
    if block.index + 1 < layout.blocks_of(block.piece) {
        return Block { index: block.index + 1, ..block };
    }
    Block { piece: crate::PieceIndex(block.piece.0.saturating_add(1)), index: 0 }
}

/// Takes the block that was asked for first, and those that follow it without a gap.
pub(super) fn take(waiting: &mut VecDeque<Block>, layout: &Layout) -> Vec<Block> {
    let mut run: Vec<Block> = waiting.pop_front().into_iter().collect();
    while let Some(last) = run.last().filter(|_| run.len() < MAX_RUN_BLOCKS) {
        let next = after(*last, layout);
        let Some(place) = waiting.iter().position(|block| *block == next) else { break };
        waiting.remove(place);
        run.push(next);
    }
    run
}

/// The bytes of the torrent that these blocks are, which follow one another.
pub(super) fn bytes_of(run: &[Block], layout: &Layout) -> Range<u64> {
    let start = |block: &Block| layout.start_of(block.piece) + u64::from(block.begin());
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return 0..0 };
    start(first)..start(last) + u64::from(layout.bytes_of_block(*last))
}

/// Cuts a stream of bytes into blocks.
#[derive(Debug)]
pub(super) struct Cutter {
    layout: Layout,
    next: Block,
    buf: BytesMut,
}

impl Cutter {
    pub(super) fn new(first: Block, layout: Layout) -> Self {
        Self { layout, next: first, buf: BytesMut::new() }
    }

    /// Takes the bytes that came next; gives the blocks that they make whole.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<(Block, Bytes)> {
        self.buf.extend_from_slice(bytes);
        let mut whole = Vec::new();
        loop {
            let block_bytes = self.layout.bytes_of_block(self.next) as usize;
            if block_bytes == 0 || self.buf.len() < block_bytes {
                return whole;
            }
            whole.push((self.next, self.buf.split_to(block_bytes).freeze()));
            self.next = after(self.next, &self.layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PieceIndex;

    fn block(piece: u32, index: u32) -> Block {
        Block { piece: PieceIndex(piece), index }
    }

    /// Two pieces of two blocks and a bit.
    fn layout() -> Layout {
        Layout::new(32 * 1024, 70_000).unwrap()
    }

    #[test]
    fn what_follows_is_asked_for_together_even_over_the_end_of_a_piece() {
        let layout = layout();
        let mut waiting: VecDeque<Block> =
            [block(0, 1), block(2, 0), block(1, 0), block(0, 0), block(1, 1)].into();

        let run = take(&mut waiting, &layout);
        assert_eq!(run, [block(0, 1), block(1, 0), block(1, 1), block(2, 0)]);
        assert_eq!(bytes_of(&run, &layout), 16 * 1024..70_000);
        assert_eq!(take(&mut waiting, &layout), [block(0, 0)]);
        assert_eq!(take(&mut waiting, &layout), []);
    }

    #[test]
    fn a_run_has_an_end() {
        let layout = Layout::new(1 << 20, 1 << 30).unwrap();
        let mut waiting: VecDeque<Block> = (0..1000).map(|n| block(n / 64, n % 64)).collect();

        assert_eq!(take(&mut waiting, &layout).len(), MAX_RUN_BLOCKS);
        assert_eq!(waiting.len(), 1000 - MAX_RUN_BLOCKS);
    }

    #[test]
    fn bytes_become_blocks_however_they_come() {
        let layout = layout();
        let content: Vec<u8> = (0..70_000_u32).map(|at| (at % 251) as u8).collect();
        for step in [1000, 16 * 1024, 70_000] {
            let mut cutter = Cutter::new(block(0, 1), layout);
            let mut blocks = Vec::new();
            for chunk in content[16 * 1024..].chunks(step) {
                blocks.extend(cutter.push(chunk));
            }
            let places: Vec<Block> = blocks.iter().map(|(block, _)| *block).collect();
            assert_eq!(places, [block(0, 1), block(1, 0), block(1, 1), block(2, 0)], "{step}");
            let bytes: Vec<u8> = blocks.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
            assert!(bytes == content[16 * 1024..], "{step}");
        }
    }
}
