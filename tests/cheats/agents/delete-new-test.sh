# Deletes the accepted test.
rm "$T"
edit README.md 's/\A/ /'
