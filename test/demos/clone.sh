# A clone copies the map of a file, not its contents, and costs the same for any size.
mkfile 50g film.mov
df -k .
cp -c film.mov clone.mov
df -k .
ls -l film.mov clone.mov
scope shared film.mov clone.mov
# du adds both up in full; df counts the blocks that are really taken.
du -k film.mov clone.mov
# The first block written into the clone gets a place of its own; all others stay shared.
dd if=/dev/random of=clone.mov bs=4k count=1 conv=notrunc status=none
scope shared film.mov clone.mov
df -k .
# The original goes; the clone keeps every block it needs.
rm film.mov
df -k .
dd if=clone.mov of=/dev/null bs=4k count=1 skip=5 status=none
