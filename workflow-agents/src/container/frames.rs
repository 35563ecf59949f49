//! What a container writes, as an engine sends it: frames, each with a header that says of which output it is and how long.

use crate::output::Capture;

/// The two outputs of a container.
#[derive(Debug)]
pub(super) struct Outputs {
    pub(super) stdout: Capture,
    pub(super) stderr: Capture,
}

/// Takes frames apart, however they are cut. Nothing of them is kept here but a header that has not all come yet: however long
/// a frame says it is, what comes of it goes on at once.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; 8],
    has: usize,
    /// How much of the frame is still to come.
    left: usize,
}

impl Frames {
    /// Takes what came.
    ///
    /// # Errors
    /// When it is not made of frames, or when the engine says by one that it failed.
    pub(super) fn add(&mut self, mut bytes: &[u8], outputs: &mut Outputs) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.left == 0 {
                bytes = self.read_header(bytes)?;
                continue;
            }
            let (own, rest) = bytes.split_at(self.left.min(bytes.len()));
            match self.header[0] {
                2 => outputs.stderr.add(own),
                _ => outputs.stdout.add(own),
            }
            self.left -= own.len();
            bytes = rest;
        }
        Ok(())
    }

    /// Whether the last frame came whole.
    pub(super) fn is_whole(&self) -> bool {
        self.left == 0 && self.has == 0
    }

    fn read_header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], String> {
        let (own, rest) = bytes.split_at((self.header.len() - self.has).min(bytes.len()));
        self.header[self.has..self.has + own.len()].copy_from_slice(own);
        self.has += own.len();
        if self.has < self.header.len() {
            return Ok(rest);
        }
        let [kind, empty @ .., a, b, c, d] = self.header;
        match (kind, empty) {
            (0..=2, [0, 0, 0]) => {}
            (3, [0, 0, 0]) => return Err("the engine could not go on sending what it wrote".to_owned()),
            _ => return Err("what the engine sent of its output makes no sense".to_owned()),
        }
        self.has = 0;
        self.left = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, text: &[u8]) -> Vec<u8> {
        let length = u32::try_from(text.len()).expect("it is short").to_be_bytes();
        [&[kind, 0, 0, 0], &length[..], text].concat()
    }

    fn outputs() -> Outputs {
        Outputs { stdout: Capture::new(1000), stderr: Capture::new(1000) }
    }

    #[test]
    fn frames_are_taken_apart_wherever_they_are_cut() {
        let all = [frame(1, b"one "), frame(2, b"two"), frame(1, b""), frame(0, b"and "), frame(1, b"three")];
        let all = all.concat();
        for cut in 0..=all.len() {
            for more in cut..=all.len() {
                let (mut frames, mut outputs) = (Frames::default(), outputs());
                for part in [&all[..cut], &all[cut..more], &all[more..]] {
                    frames.add(part, &mut outputs).unwrap();
                }
                assert!(frames.is_whole());
                assert_eq!(outputs.stdout.into_output().text, "one and three");
                assert_eq!(outputs.stderr.into_output().text, "two");
            }
        }
    }

    #[test]
    fn what_is_no_frame_is_told_and_a_part_of_one_is_known_for_it() {
        for wrong in [&[4, 0, 0, 0, 0, 0, 0, 1][..], &[1, 0, 1, 0, 0, 0, 0, 1], b"HTTP/1.1"] {
            let told = Frames::default().add(wrong, &mut outputs()).expect_err("it is none");
            assert!(told.contains("makes no sense"), "{told}");
        }
        assert!(Frames::default().add(&frame(3, b"broken"), &mut outputs()).is_err());
        let whole = frame(1, b"text");
        for cut in 1..whole.len() {
            let (mut frames, mut outputs) = (Frames::default(), outputs());
            frames.add(&whole[..cut], &mut outputs).unwrap();
            assert!(!frames.is_whole(), "{cut}");
        }
    }

    #[test]
    fn a_frame_that_is_said_to_be_huge_takes_no_room() {
        let (mut frames, mut outputs) = (Frames::default(), outputs());
        frames.add(&[1, 0, 0, 0, 255, 255, 255, 255], &mut outputs).unwrap();
        for _ in 0..10_000 {
            frames.add(&[b'x'; 4096], &mut outputs).unwrap();
        }
        assert!(!frames.is_whole());
        assert_eq!(outputs.stdout.bytes(), 40_960_000);
        assert!(outputs.stdout.into_output().text.len() < 1100);
    }
}
