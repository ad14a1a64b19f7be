"""What makes a drawn bear one of its kind, in words for people who label: the first page of the class guide."""

DEFINITIONS = {
    "black": "A living bear with a straight narrow face, tall ears and a tan muzzle; the rump is as high as the "
    "shoulders. Not always black: one in four is brown or cinnamon.",
    "grizzly": "A living bear with a hump over the shoulders, a dished broad face, short round ears and pale claws. "
    "From dark brown to blond, with light tips on shaggy fur.",
    "teddy": "A toy: sewn-on muzzle and soles, seams, button eyes, plush in any colour, often a bow. "
    "It may sit anywhere, in the snow too.",
}
