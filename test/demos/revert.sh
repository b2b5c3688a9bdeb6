# Going back to a snapshot loses what came after it, later snapshots too.
echo one > notes.txt
sudo scope snapshot create first
echo two > notes.txt
sudo scope snapshot create second
echo three > notes.txt
diskutil apfs listSnapshots disk2s1
sudo scope snapshot revert first
cat notes.txt
diskutil apfs listSnapshots disk2s1
