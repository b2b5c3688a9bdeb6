# A snapshot holds on to what is deleted: df does not move until the snapshot goes.
mkfile 16m film.mov
echo first > notes.txt
sudo scope snapshot create before
df -k .
rm film.mov
echo second > notes.txt
df -k .
# The old state can be read beside the new one, and stays while it is mounted.
mkdir /Volumes/BENCH/old
sudo mount_apfs -s before /Volumes/BENCH /Volumes/BENCH/old
cat old/notes.txt notes.txt
ls -l old/film.mov
sudo scope snapshot delete before
sudo umount /Volumes/BENCH/old
sudo scope snapshot delete before
df -k .
