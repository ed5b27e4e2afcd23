# What pages for people look like, and what their keys do, becomes data of the program.
PAGE_FILES := agent/host/pr/page/page.css agent/host/pr/page/page.js
GEN_f6 := $(B)/agent/host/pr/page_data.o
$(B)/agent/host/pr/page_data.c: images/embed.sh $(PAGE_FILES)
	@mkdir -p $(@D)
	sh images/embed.sh page_files agent/host/pr/page $(PAGE_FILES) >$@.tmp
	mv $@.tmp $@
$(B)/agent/host/pr/page_data.o: $(B)/agent/host/pr/page_data.c images/embed.h
	$(CC) $(SICK_CFLAGS) $(HARDEN) -fPIE $(CFLAGS) $(CPPFLAGS) -c -o $@ $<
