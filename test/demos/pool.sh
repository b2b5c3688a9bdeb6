# Two volumes, one pool: what one takes is gone for the other.
df -k /Volumes/One /Volumes/Two
mkfile 100m /Volumes/One/film.mov
df -k /Volumes/One /Volumes/Two
# Clones stay inside their volume.
cp -c /Volumes/One/film.mov /Volumes/Two/film.mov
# A reserve is kept for its volume, a quota ends a volume before the pool does.
diskutil apfs addVolume disk2 APFS Three -quota 8m
mkfile 16m /Volumes/Three/large.bin
diskutil apfs deleteVolume disk2s4
df -k /Volumes/One
