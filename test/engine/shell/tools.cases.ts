/**
 * Scripts of text tools with what bash 5.2 and the tools of a Debian system printed for each, recorded by running them:
 * only what these tools and those of macOS have in common.
 */
export const TOOLS_CASES: readonly (readonly [script: string, stdout: string, status: number])[] = [
  [
    "printf 'a\\n\\n\\nb\\tc\\n\\001\\n' | cat -n; printf 'a\\n\\n\\nb\\n' | cat -b; printf 'a\\n\\n\\nb\\n' | cat -s; printf 'a\\tb\\001\\177\\200\\n' | cat -v; printf 'a\\tb\\n' | cat -e; printf 'a\\tb\\n' | cat -t",
    '     1\ta\n     2\t\n     3\t\n     4\tb\tc\n     5\t\u0001\n     1\ta\n\n\n     2\tb\na\n\nb\na\tb^A^?M-^@\na\tb$\na^Ib\n',
    0,
  ],
  [
    'seq 20 | head; seq 20 | head -n 3; seq 20 | head -3; seq 20 | head -c 5; seq 5 > f; seq 3 > g; head -n 2 f g; head -q -n1 f g',
    '1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n1\n2\n3\n1\n2\n3\n1\n2\n3==> f <==\n1\n2\n\n==> g <==\n1\n2\n1\n1\n',
    0,
  ],
  [
    "seq 20 | tail; seq 20 | tail -n 3; seq 20 | tail -3; seq 20 | tail -c 5; seq 20 | tail -n +18; seq 5 | tail -c +5; seq 5 > f; tail -n 2 f; tail -c 3 f; tail -n +4 f; printf 'a\\nb' > g; tail -n 1 g; echo; tail -n 1 f g",
    '11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n18\n19\n20\n18\n19\n20\n9\n20\n18\n19\n20\n3\n4\n5\n4\n5\n\n5\n4\n5\nb\n==> f <==\n5\n\n==> g <==\nb',
    0,
  ],
  [
    "seq 100000 > f; tail -n 2 f; tail -c 10 f; { head -n 1 >/dev/null; tail -n 1; } < f; tail -n 0 f; wc -l < f | tr -d ' '",
    '99999\n100000\n99\n100000\n100000\n100000\n',
    0,
  ],
  [
    "printf 'one two\\nthree\\n' | wc -w | tr -d ' '; printf 'é\\n' | wc -m | tr -d ' '; printf 'x' | wc -l | tr -d ' '; printf '' | wc -c | tr -d ' '",
    '3\n2\n0\n0\n',
    0,
  ],
  [
    "printf 'b\\na\\nc\\na\\n' | sort; printf 'b\\na\\nc\\na\\n' | sort -u; printf '10\\n9\\n2\\n1\\n-3\\n' | sort -n; printf '10\\n9\\n2\\n' | sort; printf '10\\n9\\n2\\n' | sort -rn",
    'a\na\nb\nc\na\nb\nc\n-3\n1\n2\n9\n10\n10\n2\n9\n10\n9\n2\n',
    0,
  ],
  [
    "printf 'b 2\\na 10\\nc 1\\n' | sort -k2; printf 'b 2\\na 10\\nc 1\\n' | sort -k2n; printf 'b 2\\na 10\\nc 1\\n' | sort -k 2,2nr; printf 'b:2\\na:10\\nc:1\\n' | sort -t: -k2,2n; printf 'x 1\\ny 1\\na 1\\n' | sort -s -k2; printf 'a1b\\na0c\\n' | sort -k1.2,1.2",
    'c 1\na 10\nb 2\nc 1\nb 2\na 10\na 10\nb 2\nc 1\nc:1\nb:2\na:10\nx 1\ny 1\na 1\na0c\na1b\n',
    0,
  ],
  [
    "printf 'B\\na\\nC\\n' | sort -f; printf 'B\\na\\nC\\n' | sort; printf '1K\\n1M\\n2K\\n500\\n' | sort -h; printf ' b\\na\\n' | sort -b; printf 'a b\\na  a\\n' | sort -k2b; printf 'b\\na\\n' | sort -r",
    'a\nB\nC\nB\nC\na\n500\n1K\n2K\n1M\na\n b\na  a\na b\nb\na\n',
    0,
  ],
  [
    "printf '1\\n2\\n' | sort -c; echo $?; printf '2\\n1\\n' | sort -c 2>/dev/null; echo $?; printf '3\\n1\\n2\\n' > f; sort -o f f; cat f; sort nofile 2>/dev/null; echo $?",
    '0\n1\n1\n2\n3\n2\n',
    0,
  ],
  [
    "printf 'a\\na\\nb\\nc\\nc\\nc\\n' | uniq; printf 'a\\na\\nb\\n' | uniq -d; printf 'a\\na\\nb\\n' | uniq -u; printf 'A\\na\\nb\\n' | uniq -i; printf '1 a\\n2 a\\n3 b\\n' | uniq -f1; printf 'xa\\nya\\n' | uniq -s 1; printf 'a\\na\\nb\\n' | uniq -c | tr -s ' '",
    'a\nb\nc\na\nb\nA\nb\n1 a\n3 b\nxa\n 2 a\n 1 b\n',
    0,
  ],
  [
    "printf 'a:b:c\\nd:e:f\\nnone\\n' | cut -d: -f2; printf 'a:b:c\\nnone\\n' | cut -d: -f1,3 -s; printf 'abcdef\\n' | cut -c2-4; printf 'abcdef\\n' | cut -c-2,5-; printf 'a\\tb\\tc\\n' | cut -f2-; printf 'abc\\n' | cut -b 1,3",
    'b\ne\nnone\na:c\nbcd\nabef\nb\tc\nac\n',
    0,
  ],
  [
    "echo hello | tr a-y b-z; echo hello | tr -d l; echo aabbcc | tr -s a-b; echo hello | tr '[:lower:]' '[:upper:]'; echo 'a b  c' | tr -s ' ' '\\n'; echo hello | tr -cd 'l\\n'; echo abc | tr abc x; echo hello123 | tr -c 'a-z\\n' '*'; printf 'a\\0b' | tr '\\0' '\\n'; echo; echo aab | tr -ds a b; echo '[x]' | tr '[]' '()'",
    'ifmmp\nheo\nabcc\nHELLO\na\nb\nc\nll\nxxx\nhello***\na\nb\nb\n(x)\n',
    0,
  ],
  [
    'seq 3; seq 2 5; seq 1 2 7; seq 5 -2 1; seq -w 8 10; seq -s, 3; seq 0.5 0.5 2',
    '1\n2\n3\n2\n3\n4\n5\n1\n3\n5\n7\n5\n3\n1\n08\n09\n10\n1,2,3\n0.5\n1.0\n1.5\n2.0\n',
    0,
  ],
  [
    'echo foo > a; echo bar > b; echo foobar > c; grep foo a b c; grep -l foo a b c; grep -c foo a b c; grep -h foo a b c; grep -n o a; grep -v foo a b; echo $?; grep zzz a; echo $?; grep -q foo a; echo $?; grep foo nofile 2>/dev/null; echo $?; grep -s foo nofile; echo $?',
    'a:foo\nc:foobar\na\nc\na:1\nb:0\nc:1\nfoo\nfoobar\n1:foo\nb:bar\n0\n1\n0\n2\n2\n',
    0,
  ],
  [
    "printf 'apple\\nBanana\\ncherry pie\\n' > f; grep -i banana f; grep -w pie f; grep -x apple f; grep -E 'a(p|n)' f; grep '^c.*e$' f; grep -o 'an' f; grep -F . f; grep -e app -e cher f; grep -c . f; grep -in 'A' f; grep 'p\\{2\\}' f; grep -E 'p{2}' f; grep 'a\\|c' f; grep -E '^(apple|Banana)$' f; grep -E 'x*' f | wc -l | tr -d ' '",
    'Banana\ncherry pie\napple\napple\nBanana\ncherry pie\nan\nan\napple\ncherry pie\n3\n1:apple\n2:Banana\napple\napple\napple\nBanana\ncherry pie\napple\nBanana\n3\n',
    0,
  ],
  [
    "seq 20 | grep -A1 -n 5; seq 20 | grep -B1 15; seq 20 | grep -C1 10; seq 20 | grep -A1 -e 3 -e 4; seq 20 | grep -m 2 1; seq 20 | grep -A 1 '^[27]$'",
    '5:5\n6-6\n--\n15:15\n16-16\n14\n15\n9\n10\n11\n3\n4\n5\n--\n13\n14\n15\n1\n10\n2\n3\n--\n7\n8\n',
    0,
  ],
  [
    "echo 'ab12cd345' | grep -o '[0-9]*'; echo 'ab12cd345' | grep -oE '[0-9]+'; echo 'foo.bar' | grep -o 'o\\.b'; echo 'aXbXc' | grep -oE 'a|X.'; echo 'abcabc' | grep -oE '(abc)+'; echo abcd | grep -oE 'ab|abcd'; echo 'a.b' | grep -oF .; echo 'the cat' | grep -ow cat; echo concat | grep -w cat; echo $?",
    '12\n345\n12\n345\no.b\na\nXb\nXc\nabcabc\nabcd\n.\ncat\n1\n',
    0,
  ],
  [
    'mkdir -p d/e; echo x > d/1; echo x > d/e/2; echo y > d/3; grep -rl x d | sort; grep -r x d | sort; cd d; grep -r y .; echo x | grep x -; grep x < 1; grep -H x 1; echo q | grep -H q',
    'd/1\nd/e/2\nd/1:x\nd/e/2:x\n./3:y\nx\nx\n1:x\n(standard input):q\n',
    0,
  ],
  [
    "echo 'a+b' | grep 'a+b'; echo 'aab' | grep -E 'a+b'; echo 'a(b)' | grep 'a(b)'; echo 'ab' | grep 'a\\(b\\)'; echo 'a*b' | grep 'a\\*b'; echo '*a' | grep '*a'; echo 'a{1}' | grep 'a{1}'; echo '^a' | grep 'x*^a'; echo 'a$b' | grep 'a$b'; echo 'a]b' | grep '[]]'; echo 'a-b' | grep '[a-]-[-b]'; echo 'a\\b' | grep 'a\\\\b'; echo 'tab\tx' | grep '[[:blank:]]x'; echo 'word_1' | grep -E '^\\w+$'; echo 'x y' | grep -E '\\sy'; echo ab | grep -E 'a\\b' ; echo $?",
    'a+b\naab\na(b)\nab\na*b\n*a\na{1}\n^a\na$b\na]b\na-b\na\\b\ntab\tx\nword_1\nx y\n1\n',
    0,
  ],
  [
    "printf 'x\\ny\\n' > f; grep -f f <<< 'axb'; echo Éa | grep -i éA; echo 'äöü' | grep -o '.ö'; echo '😀x' | grep -o '.x'; echo '😀' | grep -E '^.$'",
    'axb\nÉa\näö\n😀x\n😀\n',
    0,
  ],
  [
    "printf 'hello world\\nfoo\\n' > f; xxd f; xxd -p f; xxd -l 5 f; xxd -s 6 f; xxd -s -4 f; xxd -c 4 f; xxd -g 1 f; xxd -b -l 3 f; xxd -u -l 8 f; xxd -i < f; xxd f | xxd -r; echo 68656c6c6f0a | xxd -r -p; xxd -i f",
    '00000000: 6865 6c6c 6f20 776f 726c 640a 666f 6f0a  hello world.foo.\n68656c6c6f20776f726c640a666f6f0a\n00000000: 6865 6c6c 6f                             hello\n00000006: 776f 726c 640a 666f 6f0a                 world.foo.\n0000000c: 666f 6f0a                                foo.\n00000000: 6865 6c6c  hell\n00000004: 6f20 776f  o wo\n00000008: 726c 640a  rld.\n0000000c: 666f 6f0a  foo.\n00000000: 68 65 6c 6c 6f 20 77 6f 72 6c 64 0a 66 6f 6f 0a  hello world.foo.\n00000000: 01101000 01100101 01101100                             hel\n00000000: 6865 6C6C 6F20 776F                      hello wo\n  0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x77, 0x6f, 0x72, 0x6c, 0x64, 0x0a,\n  0x66, 0x6f, 0x6f, 0x0a\nhello world\nfoo\nhello\nunsigned char f[] = {\n  0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x77, 0x6f, 0x72, 0x6c, 0x64, 0x0a,\n  0x66, 0x6f, 0x6f, 0x0a\n};\nunsigned int f_len = 16;\n',
    0,
  ],
  [
    "head -c 100 /dev/zero > f; printf 'ABCDEFGHIJKLMNOPQRSTUVWXYZ\\n' >> f; hexdump -C f; hexdump f; hexdump -C -s 100 -n 5 f; hexdump -x -n 6 f; hexdump -d -n 4 f; hexdump -o -n 3 f; hexdump -b -n 3 f; hexdump -v -C -n 48 f; printf 'abc' | hexdump; printf '' | hexdump -C",
    '00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n00000060  00 00 00 00 41 42 43 44  45 46 47 48 49 4a 4b 4c  |....ABCDEFGHIJKL|\n00000070  4d 4e 4f 50 51 52 53 54  55 56 57 58 59 5a 0a     |MNOPQRSTUVWXYZ.|\n0000007f\n0000000 0000 0000 0000 0000 0000 0000 0000 0000\n*\n0000060 0000 0000 4241 4443 4645 4847 4a49 4c4b\n0000070 4e4d 504f 5251 5453 5655 5857 5a59 000a\n000007f\n00000064  41 42 43 44 45                                    |ABCDE|\n00000069\n0000000    0000    0000    0000                                        \n0000006\n0000000   00000   00000                                                \n0000004\n0000000  000000  000000                                                \n0000003\n0000000 000 000 000                                                    \n0000003\n00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n00000020  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n00000030\n0000000 6261 0063                              \n0000003\n',
    0,
  ],
  [
    'echo hi > f; sha1sum() { shasum "$@"; }; shasum f; shasum -a 256 f; shasum -a 512 f | cut -c1-20; echo hi | shasum; shasum nofile 2>/dev/null; echo $?',
    '55ca6286e3e4f4fba5d0448333fa99fc5a404a73  f\n98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4  f\nd78abb0542736865f947\n55ca6286e3e4f4fba5d0448333fa99fc5a404a73  -\n1\n',
    0,
  ],
  ['date -u -d @0 2>/dev/null >/dev/null; echo ok', 'ok\n', 0],
  [
    "echo a b c | xargs; echo a b c | xargs -n1; printf 'a b\\nc\\n' | xargs -I{} echo '<{}>'; printf 'a\\0b c\\0' | xargs -0 -n1 echo; echo \"'a b' c\\\\ d\" | xargs -n1; seq 5 | xargs -n2 echo x; printf '' | xargs -r echo hi; seq 3 | xargs -L2; echo a | xargs false; echo $?; echo a | xargs nosuchcmd 2>/dev/null; echo $?; seq 3 | xargs -t -n3 echo 2>&1",
    'a b c\na\nb\nc\n<a b>\n<c>\na\nb c\na b\nc d\nx 1 2\nx 3 4\nx 5\n1 2\n3\n123\n127\necho 1 2 3\n1 2 3\n',
    0,
  ],
  [
    'echo hi | tee a b; cat a b; echo more | tee -a a > /dev/null; cat a; basename /a/b/c.txt .txt; basename /a/b/; basename /; dirname /a/b/c; dirname a; dirname /a; dirname /; basename -s .c x.c; basename -a a/b c/d; basename .txt .txt',
    'hi\nhi\nhi\nhi\nmore\nc\nb\n/\n/a/b\n.\n/\n/\nx\nb\nd\n.txt\n',
    0,
  ],
  [
    "printf 'abc\\nxyz' | rev; echo; printf 'a\\n\\nb\\n' | nl; printf 'a\\n\\nb\\n' | nl -ba -w2 -s:; seq 2 | nl -v10 -i5 -nrz",
    'cba\nzyx\n     1\ta\n       \n     2\tb\n 1:a\n 2:\n 3:b\n000010\t1\n000015\t2\n',
    0,
  ],
  [
    "env -i A=1 B=2 env | sort; env -u HOME env | grep -c ^HOME=; env A=5 sh -c 'echo $A'; sleep 0; echo $?; sleep x 2>/dev/null; echo $?; whoami | wc -l | tr -d ' '",
    'A=1\nB=2\n0\n5\n0\n1\n1\n',
    0,
  ],
  [
    "printf '%s %s %s\\n' a b c d; printf '%5.1f|%-8s|%+.2e\\n' 3.14159 ab 12345.678; printf '%i %u\\n' -5 -1; printf '%5d|%-5d|%05d\\n' 42 42 -42; printf '%s\\n'; printf '%d\\n' abc 2>/dev/null; echo $?; printf '%x\\n' -1; printf '%c' ''; printf '%s\\n' \"$(printf 'a\\\\tb')\"; printf '\\\\n\\n'; printf '%5s%%\\n' 50; printf '%g %g %g\\n' 100000 1000000 0.00001; printf '%.3g\\n' 3.14159; printf '%o\\n' 8; printf '%G\\n' 1e-10",
    'a b c\nd  \n  3.1|ab      |+1.23e+04\n-5 18446744073709551615\n   42|42   |-0042\n\n0\n1\nffffffffffffffff\n\u0000a\\tb\n\\n\n   50%\n100000 1e+06 1e-05\n3.14\n10\n1E-10\n',
    0,
  ],
  [
    "yes abc | head -n 2; yes | tr y n | head -1; seq 100000 | sort -rn | head -1; seq 100000 | wc -l | tr -d ' '; seq 1000 | tail -1",
    'abc\nabc\nn\n100000\n100000\n1000\n',
    0,
  ],
  [
    'echo x | cat - | cat -; mkdir d; cat d 2>/dev/null; echo $?; head -n 1 d 2>/dev/null; echo $?; wc nofile 2>/dev/null; echo $?',
    'x\n1\n1\n1\n',
    0,
  ],
  [
    'printf \'a b c\\n\' | while read -r -a arr; do echo ${arr[1]}; done; echo "x y" | (read -r a b; echo $b)',
    'b\ny\n',
    0,
  ],
  [
    'for i in 3 1 2; do echo $i; done | sort | while read x; do echo "n$x"; done; f() { while read x; do echo "f $x"; done; }; seq 2 | f',
    'n1\nn2\nn3\nf 1\nf 2\n',
    0,
  ],
  [
    'i=0; while :; do i=$((i+1)); [ $i -ge 1000 ] && break; done; echo $i; for i in $(seq 100); do echo $i; done | tail -1',
    '1000\n100\n',
    0,
  ],
];
