# What images/ embeds: the reporters for test frameworks, written into a layer at run time.
REPORTERS := $(sort $(shell find images/reporters -type f -not -name '.*' 2>/dev/null))
GEN_images := $(B)/images/reporters_data.o

$(B)/images/reporters_data.c: images/embed.sh $(wildcard images/reporters) $(REPORTERS)
	@mkdir -p $(@D)
	sh images/embed.sh reporter_files images/reporters $(REPORTERS) >$@.tmp
	mv $@.tmp $@
$(B)/images/reporters_data.o: $(B)/images/reporters_data.c images/embed.h
	$(CC) $(SICK_CFLAGS) $(HARDEN) -fPIE $(CFLAGS) $(CPPFLAGS) -c -o $@ $<
