# Seven writes, counted by df in blocks of 4 KiB: sparse files, a clone, a clone of it, and where they part.
dd if=/dev/random of=sparse bs=4096 count=1 seek=10240 conv=notrunc status=none
dd if=/dev/random of=sparse bs=4096 count=1 seek=100 conv=notrunc status=none
dd if=/dev/random of=sparse bs=4096 count=1 seek=2000 conv=notrunc status=none
dd if=/dev/random of=sparse bs=4096 count=1 seek=9000 conv=notrunc status=none
cp -c sparse clone
cp -c clone clone-of-clone
dd if=/dev/random of=clone bs=4096 count=1 seek=100 conv=notrunc status=none
dd if=/dev/random of=clone bs=4096 count=1 seek=300 conv=notrunc status=none
dd if=/dev/random of=clone-of-clone bs=4096 count=1 seek=100 conv=notrunc status=none
dd if=/dev/random of=clone-of-clone bs=4096 count=1 seek=2000 conv=notrunc status=none
dd if=/dev/random of=clone-of-clone bs=4096 count=1 seek=5000 conv=notrunc status=none
