# Which names are one name: case and composition.
echo composed > "$(printf 'caf\xc3\xa9')"
cat "$(printf 'cafe\xcc\x81')"
cat "$(printf 'CAF\xc3\x89')"
