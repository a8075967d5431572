/* A CNI caller's parameters for one container on one network. */
#ifndef CTR_CNI_ATTACHMENT_H
#define CTR_CNI_ATTACHMENT_H

/* Where plugins and networks usually are: upstream's place, and Debian's. */
#define CNI_PLUGIN_DIRS "/opt/cni/bin:/usr/lib/cni"
#define CNI_NETWORKS "/etc/cni/net.d"
#define CNI_CACHE "/var/lib/cni"

struct cni_attachment {
    const char *networks;            /* directory of the configurations */
    const char *plugin_dirs;         /* separated by colons, searched in this order */
    const char *cache;               /* directory; what DEL needs is kept in its `results` */
    const char *network;             /* its name; NULL: the first */
    const char *id, *netns, *ifname; /* the container, the path of its namespace, the interface to create */
    const char *args;                /* CNI_ARGS, "IP=10.0.0.5;K=V"; NULL: none */
    const char *capabilities;        /* JSON object, such as {"portMappings": [...]}; NULL: none */
};

#endif
