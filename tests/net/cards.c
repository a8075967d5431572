/* cards SETTING...: the guest's init brings up its cards here, as the settings say. */
#include "guest-init/cards.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct err err = {0};
    (void)argc;
    if (cards_up(argv + 1, &err) == 0)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return 1;
}
